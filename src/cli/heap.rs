//! How the C library's allocator is made to fit a small machine.
//!
//! glibc gives each thread a heap of its own, keeps for it what it gave back, and keeps the more of it the larger what was
//! given back is. That is right for a server with a hundred cores; here what is compiled, packed and written now and then
//! on some thread stayed with it for good: after 300,000 queries the process was 25 MB larger than what it held. With one
//! heap, and with what is large taken from the system and given back whole, it is not. glibc reads these settings when a
//! program starts, and to change them later is unsafe code; so the program starts itself once more, which takes a
//! millisecond. Other C libraries do not know them.

use std::env;
use std::ffi::{CString, OsString};
use std::os::unix::ffi::OsStringExt as _;

use nix::unistd::execve;

/// By the names that glibc gives them. Fixed thresholds are ones that do not grow.
const SETTINGS: [(&str, &str); 3] =
    [("MALLOC_ARENA_MAX", "1"), ("MALLOC_MMAP_THRESHOLD_", "131072"), ("MALLOC_TRIM_THRESHOLD_", "131072")];
/// Says that the program was started again; it is not done twice, whatever became of the settings.
const SETTLED: &str = "SORDINO_HEAP";

/// Starts the program once more with the settings, in its place: only where that has been done, or where the operator chose
/// settings, or where it cannot be done, does this return.
pub fn settle() {
    let is_chosen = SETTINGS.iter().any(|(name, _)| env::var_os(name).is_some());
    let Ok(program) = env::current_exe() else {
        return;
    };
    if is_chosen || env::var_os(SETTLED).is_some() {
        return;
    }
    // Not through the C library's search for programs: what the kernel does not take, as in an emulator, that gives to a shell.
    let text = |text: OsString| CString::new(text.into_vec()).ok();
    let pair = |(name, value): (OsString, OsString)| text([name, "=".into(), value].into_iter().collect());
    let words: Vec<CString> = env::args_os().filter_map(text).collect();
    let ours = SETTINGS.iter().chain(&[(SETTLED, "settled")]).map(|&(name, value)| (name.into(), value.into()));
    let variables: Vec<CString> = env::vars_os().chain(ours).filter_map(pair).collect();
    if let Some(Err(error)) = text(program.into()).map(|program| execve(&program, &words, &variables)) {
        tracing::debug!("more memory than necessary will be used: sordino cannot start itself again ({error})");
    }
}

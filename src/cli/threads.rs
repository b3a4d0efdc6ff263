//! Whether the system gives the threads that sordino needs.
//!
//! Found out before anything relies on them: a runtime that gets no thread panics, and one that gets too few may wait for
//! ever, with its sockets open.

use std::io;
use std::sync::{Arc, RwLock};
use std::thread::{self, JoinHandle};

/// Threads for what waits for the disk, and for the recorder.
const OTHERS: usize = 4;
/// How often is looked whether the threads that were tried are gone.
const LOOKS: usize = 10_000;

/// Starts as many threads as are needed at the same time, and lets them end. `serves` is whether sockets will be read.
///
/// # Errors
/// One sentence on what is missing and what to do.
pub fn suffice(serves: bool) -> Result<(), String> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    // Workers of the runtime, and who reads UDP on the first address; those of the others are told apart when they start.
    let needed = if serves { cores * 2 + OTHERS } else { cores + 1 };
    match started_together(needed) {
        Ok(()) => Ok(()),
        Err((given, error)) => Err(format!(
            "sordino needs {needed} threads, and the operating system gives {given} ({error}); raise the limit on processes \
             and threads (ulimit -u, TasksMax= of the service, or pids.max of the cgroup)"
        )),
    }
}

fn started_together(needed: usize) -> Result<(), (usize, io::Error)> {
    let gate = Arc::new(RwLock::new(()));
    let closed = gate.write();
    let mut threads: Vec<JoinHandle<()>> = Vec::with_capacity(needed);
    let mut result = Ok(());
    for given in 0..needed {
        let gate = gate.clone();
        match thread::Builder::new().spawn(move || drop(gate.read())) {
            Ok(thread) => threads.push(thread),
            Err(error) => {
                result = Err((given, error));
                break;
            }
        }
    }
    drop(closed);
    for thread in threads {
        // They do nothing that could fail.
        let _ = thread.join();
    }
    // Joined is not yet gone: the system counts a thread until it has been cleared away.
    for _ in 0..LOOKS {
        if std::fs::read_dir("/proc/self/task").map_or(0, Iterator::count) <= 1 {
            break;
        }
        thread::yield_now();
    }
    result
}

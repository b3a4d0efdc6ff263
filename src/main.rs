//! The program: flags, logging, runtime, run, exit code.

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;

use clap::Parser as _;
use sordino::cli::Cli;
use tracing_subscriber::EnvFilter;

/// What is logged unless `SORDINO_LOG` says otherwise. Names of sites stand at `trace` only, wherever they stand.
const LOG: &str = "info,hickory_net=warn,hickory_proto=warn,netlink_proto=error";

fn main() -> ExitCode {
    let cli = Cli::parse();
    let filter = EnvFilter::try_from_env("SORDINO_LOG").unwrap_or_else(|_| EnvFilter::new(LOG));
    let stderr = std::io::stderr;
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr).with_ansi(stderr().is_terminal()).init();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return fail(1, &format!("the operating system gives no threads: {error}")),
    };
    let result = runtime.block_on(cli.run());
    // Whatever still blocks had its time.
    runtime.shutdown_background();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => fail(failure.exit_code(), &failure.to_string()),
    }
}

fn fail(code: u8, sentence: &str) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "{sentence}");
    ExitCode::from(code)
}

//! The program: flags, logging, runtime, run, exit code.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use sordino::cli::{Cli, heap, log, threads};

fn main() -> ExitCode {
    let cli = Cli::parse();
    log::start();
    if cli.serves() {
        heap::settle();
    }
    if let Err(sentence) = threads::suffice(cli.serves()) {
        return fail(1, &sentence);
    }
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

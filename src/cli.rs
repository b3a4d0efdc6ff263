//! What is typed on the command line, and the commands that end by themselves.

mod backup;
mod check;
mod demo;
mod explain;
mod firewall;
mod health;
pub mod heap;
mod lists;
pub mod log;
mod password;
mod report;
mod running;
mod schedules;
mod setup;
pub mod threads;
mod update;

use std::env;
use std::io::{self, Write};
use std::path::PathBuf;

use clap::{Parser, Subcommand};

pub use self::backup::{BackUp, Factor, Restore};
pub use self::demo::Household;
pub use self::explain::Question;
pub use self::firewall::Walls;
pub use self::lists::Lists;
pub use self::report::Subject;
pub use self::setup::Steps;
pub use self::update::Which;
use crate::app::{self, Failure};
use crate::insight::Language;

/// A DNS server for the home that mutes telemetry and shows what each device tells whom.
#[derive(Debug, Parser)]
#[command(name = "sordino", version)]
pub struct Cli {
    /// The configuration.
    #[arg(long, global = true, value_name = "FILE", default_value = "config.toml")]
    pub config: PathBuf,
    /// What to do; `run` if nothing is said.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve DNS and the page until SIGTERM; SIGHUP reads the configuration and the lists again.
    Run,
    /// Say what is wrong with the configuration (exit code 2) and with the lists (sordino runs without them).
    Check,
    /// Say what is done with a name, and why: which rule of which list, and what else would have.
    Explain(Question),
    /// See whether another program has the port for DNS, and offer the change that frees it.
    Setup(Steps),
    /// Print rules for the router (nftables) that bring every device here, also those that know a server of their own.
    Firewall(Walls),
    /// Say whether the sordino that runs here answers; exit code 1 if not.
    Health,
    /// Show how large the lists are, how often each decided, and how those from elsewhere are doing.
    Lists(Lists),
    /// Fetch the lists from elsewhere now, or one of them; a sordino that runs is asked to.
    Update(Which),
    /// Write what one device tells whom to standard output, to hand to someone; a sordino that runs is asked to.
    Report(Subject),
    /// Write what the page keeps, and if asked for the history, into one file; a sordino that runs is asked to.
    Backup(BackUp),
    /// Take such a file back: whole and at once, or not at all.
    Restore(Restore),
    /// Switch the second factor at login off, for who lost it.
    SecondFactor(Factor),
    /// Show sordino at work in a virtual household, with two weeks behind it. Nothing leaves the machine.
    Demo(Household),
    /// Read a password from standard input and print what belongs in `[web] password_hash`.
    HashPassword,
}

impl Cli {
    /// Whether it goes on until it is told to stop.
    pub fn serves(&self) -> bool {
        matches!(self.command, None | Some(Command::Run | Command::Demo(_)))
    }

    /// Does what was typed.
    ///
    /// # Errors
    /// When it could not be done.
    pub async fn run(self) -> Result<(), Failure> {
        let path = &self.config;
        match self.command.unwrap_or(Command::Run) {
            Command::Run => app::run(path, |_| ()).await,
            Command::Check => say(&check::check(path)?),
            Command::Explain(question) => say(&explain::explain(path, &question).await?),
            Command::Setup(steps) => say(&setup::setup(path, &steps)?),
            Command::Firewall(walls) => {
                let (text, done) = firewall::firewall(path, &walls)?;
                say(&text)?;
                done
            }
            Command::Health => say(&health::health(path).await?),
            Command::Lists(lists) => say(&lists.run(path).await?),
            Command::Update(which) => {
                let (text, done) = update::update(path, &which).await?;
                say(&text)?;
                done
            }
            Command::Report(subject) => {
                let language = Language::of_environment(|variable| env::var(variable).ok());
                say(&report::report(path, &subject, language).await?)
            }
            Command::Backup(what) => say(&backup::back_up(path, what).await?),
            Command::Restore(what) => say(&backup::restore(path, what).await?),
            Command::SecondFactor(what) => say(&backup::second_factor(path, what).await?),
            Command::Demo(household) => household.run().await,
            Command::HashPassword => say(&password::hash(io::stdin().lock())?),
        }
    }
}

fn say(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match writeln!(stdout, "{text}").and_then(|()| stdout.flush()) {
        // `sordino check | head` has seen enough.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::Other(format!("nothing can be written to standard output: {error}")))
        }
        _ => Ok(()),
    }
}

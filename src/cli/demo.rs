//! `sordino demo`.

use std::path::PathBuf;

use clap::Args;

use crate::app::Failure;
use crate::demo::{self, Options};

/// Where the virtual household lives.
#[derive(Debug, Args)]
pub struct Household {
    /// The directory of its configuration and its store; remove it to start afresh.
    #[arg(long, value_name = "DIR", default_value = "data-demo")]
    path: PathBuf,
    /// The directory of the catalogue.
    #[arg(long, value_name = "DIR", default_value = "blocklists")]
    lists: PathBuf,
    /// The port for DNS on 127.0.0.1; a free one where it is taken.
    #[arg(long, value_name = "PORT", default_value_t = 5300)]
    dns_port: u16,
    /// The port for the page on 127.0.0.1; a free one where it is taken.
    #[arg(long, value_name = "PORT", default_value_t = 8053)]
    page_port: u16,
}

impl Household {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let Self { path, lists, dns_port, page_port } = self;
        demo::run(Options { path, lists, dns_port, page_port, ..Options::default() }).await
    }
}

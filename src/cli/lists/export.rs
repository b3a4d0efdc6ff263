//! `sordino lists export`: the catalogue for other programs.

use std::path::Path;

use clap::{Args, ValueEnum};

use crate::app::Failure;
use crate::config::Config;
use crate::control;
use crate::policy::{Class, Export, Format, Selection, Tier};

/// How and what to export.
#[derive(Debug, Args)]
pub(super) struct Wanted {
    /// For which program: a list in AdGuard's language, a hosts file, plain names, a response policy zone, or the
    /// configuration of dnsmasq or unbound.
    #[arg(long, value_enum)]
    format: Written,
    /// Which class to mute; can be given twice.
    #[arg(long = "class", value_enum, default_values_t = [Muted::Block])]
    classes: Vec<Muted>,
    /// Only names of this vendor; can be given more than once.
    #[arg(long = "vendor", value_name = "VENDOR")]
    vendors: Vec<String>,
    /// Whether names that a single source knows are muted as well (thorough).
    #[arg(long, value_enum, default_value_t = Depth::Careful)]
    tier: Depth,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Written {
    Adblock,
    Hosts,
    Names,
    Rpz,
    Dnsmasq,
    Unbound,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Muted {
    Block,
    Watch,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Depth {
    Careful,
    Thorough,
}

/// The catalogue of the configuration at `path`, in another format.
pub(super) fn export(path: &Path, wanted: &Wanted) -> Result<String, Failure> {
    let config = Config::read(path)?;
    let files = control::catalogue_files(&config.control.lists);
    if files.is_empty() {
        return Err(Failure::Other(format!(
            "{} names no catalogue; add the directory blocklists as a [[list]]",
            path.display()
        )));
    }
    let mut export = Export::default();
    for control::CatalogueFile { path, content } in files {
        let read = content.and_then(|content| export.add(&content));
        read.map_err(|problem| Failure::Other(format!("{}: {problem}", path.display())))?;
    }
    let known = export.vendors();
    let is_known = |vendor: &&String| known.iter().any(|known| known.eq_ignore_ascii_case(vendor));
    if let Some(vendor) = wanted.vendors.iter().find(|vendor| !is_known(vendor)) {
        let known = Vec::from_iter(known).join(", ");
        return Err(Failure::Other(format!("the catalogue has nothing of a vendor {vendor:?}; it has {known}")));
    }
    let selection = Selection {
        format: match wanted.format {
            Written::Adblock => Format::Adblock,
            Written::Hosts => Format::Hosts,
            Written::Names => Format::Names,
            Written::Rpz => Format::Rpz,
            Written::Dnsmasq => Format::Dnsmasq,
            Written::Unbound => Format::Unbound,
        },
        classes: wanted
            .classes
            .iter()
            .map(|class| if matches!(class, Muted::Block) { Class::Block } else { Class::Watch })
            .collect(),
        vendors: wanted.vendors.clone(),
        tier: if matches!(wanted.tier, Depth::Careful) { Tier::Careful } else { Tier::Thorough },
    };
    Ok(export.write(&selection).trim_end().to_owned())
}

//! Lists that people use, to choose from. None is fetched unless someone asks for it.

use serde::Serialize;

use crate::policy::Format;

/// A list that many use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct KnownList {
    /// What it is called here when it is added.
    pub name: &'static str,
    /// What it is, one sentence.
    pub about: &'static str,
    /// Who keeps it.
    pub project: &'static str,
    /// Where they tell of it.
    pub homepage: &'static str,
    /// Under which licence, as the project states it.
    pub licence: &'static str,
    /// Where it is fetched from.
    pub url: &'static str,
    /// How it is written.
    pub format: Format,
    /// How large it is.
    pub extent: Extent,
    /// What it is about.
    pub kind: Kind,
}

/// How large a list is, in a word: it changes every day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Extent {
    /// Hundreds of names.
    Small,
    /// Thousands to tens of thousands.
    Medium,
    /// A hundred thousand and more.
    Large,
}

/// What a list is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = ListKind)]
pub enum Kind {
    /// What the makers of devices have them send home.
    Native,
    /// Advertising, tracking and harmful names of all kinds.
    General,
}

/// The lists, those of device makers first.
pub const KNOWN: &[KnownList] = &[
    KnownList {
        name: "hagezi-xiaomi",
        about: "Trackers built into Xiaomi devices: phones, televisions and boxes.",
        project: "hagezi",
        homepage: "https://github.com/hagezi/dns-blocklists",
        licence: "GPL-3.0",
        url: "https://raw.githubusercontent.com/hagezi/dns-blocklists/main/adblock/native.xiaomi.txt",
        format: Format::Auto,
        extent: Extent::Small,
        kind: Kind::Native,
    },
    KnownList {
        name: "hagezi-huawei",
        about: "Trackers built into Huawei phones.",
        project: "hagezi",
        homepage: "https://github.com/hagezi/dns-blocklists",
        licence: "GPL-3.0",
        url: "https://raw.githubusercontent.com/hagezi/dns-blocklists/main/adblock/native.huawei.txt",
        format: Format::Auto,
        extent: Extent::Small,
        kind: Kind::Native,
    },
    KnownList {
        name: "hagezi-oppo-realme",
        about: "Trackers built into OPPO and realme phones.",
        project: "hagezi",
        homepage: "https://github.com/hagezi/dns-blocklists",
        licence: "GPL-3.0",
        url: "https://raw.githubusercontent.com/hagezi/dns-blocklists/main/adblock/native.oppo-realme.txt",
        format: Format::Auto,
        extent: Extent::Small,
        kind: Kind::Native,
    },
    KnownList {
        name: "hagezi-vivo",
        about: "Trackers built into vivo phones.",
        project: "hagezi",
        homepage: "https://github.com/hagezi/dns-blocklists",
        licence: "GPL-3.0",
        url: "https://raw.githubusercontent.com/hagezi/dns-blocklists/main/adblock/native.vivo.txt",
        format: Format::Auto,
        extent: Extent::Small,
        kind: Kind::Native,
    },
    KnownList {
        name: "hagezi-samsung",
        about: "Trackers built into Samsung phones and televisions.",
        project: "hagezi",
        homepage: "https://github.com/hagezi/dns-blocklists",
        licence: "GPL-3.0",
        url: "https://raw.githubusercontent.com/hagezi/dns-blocklists/main/adblock/native.samsung.txt",
        format: Format::Auto,
        extent: Extent::Small,
        kind: Kind::Native,
    },
    KnownList {
        name: "hagezi-apple",
        about: "Trackers built into Apple devices.",
        project: "hagezi",
        homepage: "https://github.com/hagezi/dns-blocklists",
        licence: "GPL-3.0",
        url: "https://raw.githubusercontent.com/hagezi/dns-blocklists/main/adblock/native.apple.txt",
        format: Format::Auto,
        extent: Extent::Small,
        kind: Kind::Native,
    },
    KnownList {
        name: "hagezi-amazon",
        about: "Trackers built into Amazon devices: Alexa, Fire TV.",
        project: "hagezi",
        homepage: "https://github.com/hagezi/dns-blocklists",
        licence: "GPL-3.0",
        url: "https://raw.githubusercontent.com/hagezi/dns-blocklists/main/adblock/native.amazon.txt",
        format: Format::Auto,
        extent: Extent::Small,
        kind: Kind::Native,
    },
    KnownList {
        name: "hagezi-winoffice",
        about: "Trackers built into Windows and Office.",
        project: "hagezi",
        homepage: "https://github.com/hagezi/dns-blocklists",
        licence: "GPL-3.0",
        url: "https://raw.githubusercontent.com/hagezi/dns-blocklists/main/adblock/native.winoffice.txt",
        format: Format::Auto,
        extent: Extent::Small,
        kind: Kind::Native,
    },
    KnownList {
        name: "hagezi-tiktok",
        about: "Trackers of the TikTok app.",
        project: "hagezi",
        homepage: "https://github.com/hagezi/dns-blocklists",
        licence: "GPL-3.0",
        url: "https://raw.githubusercontent.com/hagezi/dns-blocklists/main/adblock/native.tiktok.txt",
        format: Format::Auto,
        extent: Extent::Small,
        kind: Kind::Native,
    },
    KnownList {
        name: "hagezi-lgwebos",
        about: "Trackers built into LG televisions.",
        project: "hagezi",
        homepage: "https://github.com/hagezi/dns-blocklists",
        licence: "GPL-3.0",
        url: "https://raw.githubusercontent.com/hagezi/dns-blocklists/main/adblock/native.lgwebos.txt",
        format: Format::Auto,
        extent: Extent::Small,
        kind: Kind::Native,
    },
    KnownList {
        name: "hagezi-roku",
        about: "Trackers built into Roku players and televisions.",
        project: "hagezi",
        homepage: "https://github.com/hagezi/dns-blocklists",
        licence: "GPL-3.0",
        url: "https://raw.githubusercontent.com/hagezi/dns-blocklists/main/adblock/native.roku.txt",
        format: Format::Auto,
        extent: Extent::Small,
        kind: Kind::Native,
    },
    KnownList {
        name: "hagezi-light",
        about: "The smallest of hagezi's general lists, made to break nothing.",
        project: "hagezi",
        homepage: "https://github.com/hagezi/dns-blocklists",
        licence: "GPL-3.0",
        url: "https://raw.githubusercontent.com/hagezi/dns-blocklists/main/adblock/light.txt",
        format: Format::Auto,
        extent: Extent::Medium,
        kind: Kind::General,
    },
    KnownList {
        name: "hagezi-normal",
        about: "Advertising, tracking and harmful names, for every house.",
        project: "hagezi",
        homepage: "https://github.com/hagezi/dns-blocklists",
        licence: "GPL-3.0",
        url: "https://raw.githubusercontent.com/hagezi/dns-blocklists/main/adblock/multi.txt",
        format: Format::Auto,
        extent: Extent::Large,
        kind: Kind::General,
    },
    KnownList {
        name: "hagezi-pro",
        about: "More than normal, with a few names that something may miss.",
        project: "hagezi",
        homepage: "https://github.com/hagezi/dns-blocklists",
        licence: "GPL-3.0",
        url: "https://raw.githubusercontent.com/hagezi/dns-blocklists/main/adblock/pro.txt",
        format: Format::Auto,
        extent: Extent::Large,
        kind: Kind::General,
    },
    KnownList {
        name: "hagezi-pro-plus",
        about: "The strict one; expect to allow a name now and then.",
        project: "hagezi",
        homepage: "https://github.com/hagezi/dns-blocklists",
        licence: "GPL-3.0",
        url: "https://raw.githubusercontent.com/hagezi/dns-blocklists/main/adblock/pro.plus.txt",
        format: Format::Auto,
        extent: Extent::Large,
        kind: Kind::General,
    },
    KnownList {
        name: "oisd-small",
        about: "Advertising above all, made to break nothing.",
        project: "OISD",
        homepage: "https://oisd.nl",
        licence: "GPL-3.0",
        url: "https://small.oisd.nl",
        format: Format::Auto,
        extent: Extent::Medium,
        kind: Kind::General,
    },
    KnownList {
        name: "oisd-big",
        about: "Advertising, tracking and harmful names, made to break nothing.",
        project: "OISD",
        homepage: "https://oisd.nl",
        licence: "GPL-3.0",
        url: "https://big.oisd.nl",
        format: Format::Auto,
        extent: Extent::Large,
        kind: Kind::General,
    },
    KnownList {
        name: "stevenblack",
        about: "Several well-known hosts files in one.",
        project: "StevenBlack",
        homepage: "https://github.com/StevenBlack/hosts",
        licence: "MIT",
        url: "https://raw.githubusercontent.com/StevenBlack/hosts/master/hosts",
        format: Format::Auto,
        extent: Extent::Large,
        kind: Kind::General,
    },
    KnownList {
        name: "adguard-dns",
        about: "AdGuard's filters for browsers, as far as names can carry them.",
        project: "AdGuard",
        homepage: "https://github.com/AdguardTeam/AdGuardSDNSFilter",
        licence: "GPL-3.0",
        url: "https://adguardteam.github.io/AdGuardSDNSFilter/Filters/filter.txt",
        format: Format::Auto,
        extent: Extent::Large,
        kind: Kind::General,
    },
    KnownList {
        name: "1hosts-lite",
        about: "Advertising and tracking, the careful edition.",
        project: "1Hosts",
        homepage: "https://github.com/badmojr/1Hosts",
        licence: "MPL-2.0",
        url: "https://raw.githubusercontent.com/badmojr/1Hosts/master/Lite/adblock.txt",
        format: Format::Auto,
        extent: Extent::Large,
        kind: Kind::General,
    },
    KnownList {
        name: "adaway",
        about: "Advertising in apps on phones.",
        project: "AdAway",
        homepage: "https://adaway.org",
        licence: "CC BY 3.0",
        url: "https://adaway.org/hosts.txt",
        format: Format::Auto,
        extent: Extent::Medium,
        kind: Kind::General,
    },
    KnownList {
        name: "easyprivacy",
        about: "The names in EasyPrivacy, a list against tracking, as a hosts file.",
        project: "Firebog",
        homepage: "https://firebog.net",
        licence: "GPL-3.0 or CC BY-SA 3.0",
        url: "https://v.firebog.net/hosts/Easyprivacy.txt",
        format: Format::Auto,
        extent: Extent::Medium,
        kind: Kind::General,
    },
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::control::subscriptions::ListUrl;

    #[test]
    fn each_known_list_can_be_added_as_it_stands() {
        let mut names = HashSet::new();
        for list in KNOWN {
            let url: ListUrl = list.url.parse().unwrap();
            assert!(url.to_string().starts_with("https://") && !url.names_an_inner_address(), "{}", list.url);
            assert!(names.insert(list.name), "{} a second time", list.name);
            assert!(list.about.ends_with('.') && !list.licence.is_empty() && list.homepage.starts_with("https://"));
        }
        assert!(
            KNOWN.iter().any(|list| list.kind == Kind::Native) && KNOWN.iter().any(|list| list.kind == Kind::General)
        );
    }
}

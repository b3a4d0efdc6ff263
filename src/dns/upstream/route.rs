//! Which forwarders a name belongs to.

use crate::policy::{Name, NameRef};

/// The group of those who are asked about everything that has no route.
pub(super) const EVERYTHING_ELSE: usize = 0;

/// Domains, and the group of forwarders that is asked about each.
#[derive(Debug, Default)]
pub(super) struct Routes {
    /// Longest first, so that the first that fits is the one that counts.
    domains: Vec<(Name, usize)>,
}

impl Routes {
    pub(super) fn new(mut domains: Vec<(Name, usize)>) -> Self {
        domains.sort_by_key(|(domain, _)| std::cmp::Reverse(domain.as_ref().labels().count()));
        Self { domains }
    }

    /// The group that is asked about `name`.
    pub(super) fn group_of(&self, name: NameRef<'_>) -> usize {
        let route = self.domains.iter().find(|(domain, _)| name.is_in(domain.as_ref()));
        route.map_or(EVERYTHING_ELSE, |(_, group)| *group)
    }

    /// The domains of a group, in words.
    pub(super) fn domains_of(&self, group: usize) -> Vec<String> {
        self.domains.iter().filter(|(_, other)| *other == group).map(|(domain, _)| domain.to_string()).collect()
    }

    /// Whether a route of the operator's is about `name`.
    pub(super) fn covers(&self, name: NameRef<'_>) -> bool {
        self.group_of(name) != EVERYTHING_ELSE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_domain_decides_at_label_boundaries() {
        let name = |text: &str| Name::parse(text).unwrap();
        let routes = Routes::new(vec![(name("example"), 1), (name("lab.corp.example"), 2), (name("corp.example"), 3)]);
        for (asked, group) in [
            ("example", 1),
            ("www.example", 1),
            ("corp.example", 3),
            ("nas.corp.example", 3),
            ("lab.corp.example", 2),
            ("a.b.lab.corp.example", 2),
            ("xcorp.example", 1),
            ("example.org", EVERYTHING_ELSE),
            (".", EVERYTHING_ELSE),
        ] {
            assert_eq!(routes.group_of(name(asked).as_ref()), group, "{asked}");
            assert_eq!(routes.covers(name(asked).as_ref()), group != EVERYTHING_ELSE);
        }
    }
}

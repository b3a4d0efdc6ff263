//! Addresses and networks that lists name: where an answer must not lead.
//!
//! All networks of all lists are cut into ranges that do not overlap, in order, each with the rules that cover it. So an
//! address is found by one binary search that asks for no memory, however many networks lie around it.

use std::collections::HashMap;
use std::net::IpAddr;

use super::compiled::Compiled;
use super::explain::{Kept, RuleMatch};
use super::judge::{Judgement, Question, Step, step_of};
use super::list::ListId;
use super::rule::masked;
use super::ruleset::Entry;
use super::verdict::Verdict;

/// Addresses and networks that one list may hold.
pub const MAX_NETWORKS: usize = 200_000;

/// Addresses that share their first bits. An IPv4 address mapped into IPv6 is the IPv4 address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub(crate) struct Network {
    /// With the bits behind the prefix cleared.
    address: IpAddr,
    len: u8,
}

/// The networks of all lists. Immutable.
#[derive(Debug, Default)]
pub(super) struct Addresses {
    /// Where each range begins, in order, in IPv6's room.
    starts: Vec<u128>,
    /// Which of `sets` covers it.
    covers: Vec<u32>,
    sets: Vec<Box<[Cover]>>,
}

/// A rule that covers an address, and the length of its prefix in IPv6's room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Cover {
    entry: Entry,
    prefix: u8,
}

impl Network {
    /// The network of `len` bits that `address` lies in; none where its family has fewer bits.
    pub(super) fn new(address: IpAddr, len: u8) -> Option<Self> {
        let mapped = matches!(address, IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some());
        let (address, len) =
            if mapped && len >= MAPPED { (address.to_canonical(), len - MAPPED) } else { (address, len) };
        Some(Self { address: masked(address, len)?, len })
    }

    /// Reads `192.0.2.1` or `192.0.2.0/24`, of either family.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (address, len) = match text.split_once('/') {
            Some((address, len)) if len.bytes().all(|byte| byte.is_ascii_digit()) => (address, Some(len.parse().ok()?)),
            Some(_) => return None,
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let all = if address.is_ipv4() { 32 } else { 128 };
        Self::new(address, len.unwrap_or(all))
    }

    /// Whether it is so wide that a list from elsewhere has no business with it: wider than a registry hands out.
    pub(super) fn is_wide(self) -> bool {
        self.len < if self.address.is_ipv4() { 8 } else { 16 }
    }

    /// Whether nothing but null or loopback addresses lie in it: such a line is half a line of a hosts file.
    pub(super) fn leads_nowhere(self) -> bool {
        self.address.is_loopback() || self.address.is_unspecified() && !self.is_wide()
    }

    /// As (address, prefix length).
    pub(super) const fn parts(self) -> (IpAddr, u8) {
        (self.address, self.len)
    }

    /// Its first and its last address, as [`bits_of`] has them.
    pub(crate) fn ends(self) -> (u128, u128) {
        let (first, last, _) = self.range();
        (first, last)
    }

    /// The first and the last address of it, and the length of its prefix, in IPv6's room.
    fn range(self) -> (u128, u128, u8) {
        let first = bits_of(self.address);
        let prefix = if self.address.is_ipv4() { self.len + MAPPED } else { self.len };
        let behind = u128::MAX.checked_shr(prefix.into()).unwrap_or(0);
        (first, first | behind, prefix)
    }
}

impl Addresses {
    pub(super) fn build(networks: &[(Network, Entry)]) -> Self {
        let mut ranges: Vec<(u128, u128, Cover)> = networks
            .iter()
            .map(|&(network, entry)| {
                let (first, last, prefix) = network.range();
                (first, last, Cover { entry, prefix })
            })
            .collect();
        ranges.sort_unstable_by_key(|&(first, ..)| first);
        let ends = ranges.iter().filter_map(|&(_, last, _)| last.checked_add(1));
        let mut starts: Vec<u128> = ranges.iter().map(|&(first, ..)| first).chain(ends).collect();
        starts.sort_unstable();
        starts.dedup();
        let mut addresses = Self { covers: Vec::with_capacity(starts.len()), ..Self::default() };
        let mut numbers: HashMap<Box<[Cover]>, u32> = HashMap::new();
        let mut around: Vec<(u128, Cover)> = Vec::new();
        let mut next = ranges.into_iter().peekable();
        for &start in &starts {
            around.retain(|&(last, _)| last >= start);
            while let Some((_, last, cover)) = next.next_if(|&(first, ..)| first == start) {
                around.push((last, cover));
            }
            let mut set: Vec<Cover> = around.iter().map(|&(_, cover)| cover).collect();
            set.sort_unstable();
            set.dedup();
            let number = *numbers.entry(set.into()).or_insert_with_key(|set| {
                addresses.sets.push(set.clone());
                addresses.sets.len() as u32 - 1
            });
            addresses.covers.push(number);
        }
        addresses.starts = starts;
        addresses
    }

    fn covering(&self, address: IpAddr) -> &[Cover] {
        let bits = bits_of(address);
        let place = self.starts.partition_point(|&start| start <= bits);
        let cover = place.checked_sub(1).and_then(|place| self.covers.get(place));
        cover.and_then(|&set| self.sets.get(set as usize)).map_or(&[], |set| set)
    }
}

impl Compiled {
    /// Judges an answer by the addresses in it: the first that is muted decides, else the first that is watched.
    pub(super) fn judge_addresses(&self, question: Question<'_>, addresses: &[IpAddr]) -> Option<Judgement> {
        if self.ruleset.addresses.starts.is_empty() {
            return None;
        }
        let mut watched = None;
        for &address in addresses {
            let first = self.address_steps(question, address).map(|(step, cover)| (step, cover.entry.list())).min();
            let Some((step, list)) = first else { continue };
            let judgement =
                || Judgement { verdict: step.verdict(), list: self.list_name(list), ..Judgement::default() };
            match step.verdict() {
                Verdict::Block => return Some(judgement()),
                Verdict::Watch if watched.is_none() => watched = Some(judgement()),
                _ => {}
            }
        }
        watched
    }

    /// The rules that cover `address`, the first to decide in front.
    pub(super) fn address_matches(&self, question: Question<'_>, address: IpAddr) -> Vec<RuleMatch> {
        let mut found: Vec<(Step, ListId, Cover)> =
            self.address_steps(question, address).map(|(step, cover)| (step, cover.entry.list(), *cover)).collect();
        found.sort_unstable();
        let text = |cover: Cover| {
            let above = if address.is_ipv4() { MAPPED } else { 0 };
            let mark = if cover.entry.has(Entry::EXCEPTION) { "@@" } else { "" };
            let len = cover.prefix.saturating_sub(above);
            masked(address, len).map_or_else(|| address.to_string(), |network| format!("{mark}{network}/{len}"))
        };
        let told = found.into_iter().filter_map(|(step, list, cover)| {
            let words = (step.in_words(), step.changed_by());
            Some(RuleMatch::bare(self.list_name(list)?, text(cover), step.verdict(), words, Kept::Config))
        });
        told.collect()
    }

    /// The lists that name `address`, in force or not.
    pub(super) fn lists_of_address(&self, question: Question<'_>, address: IpAddr) -> Vec<ListId> {
        let covers = self.ruleset.addresses.covering(address.to_canonical()).iter().map(|cover| cover.entry);
        covers.filter(|entry| self.admits(*entry, question)).map(Entry::list).collect()
    }

    fn address_steps<'a>(
        &'a self,
        question: Question<'a>,
        address: IpAddr,
    ) -> impl Iterator<Item = (Step, &'a Cover)> + 'a {
        let actions = self.actions(question.asker.profile);
        self.ruleset.addresses.covering(address.to_canonical()).iter().filter_map(move |cover| {
            let list = usize::from(cover.entry.list().0);
            let action = (*actions.get(list)?)?;
            if question.hour.is_off(question.asker.profile, list) || !self.admits(cover.entry, question) {
                return None;
            }
            Some((step_of(cover.entry, action, self.traits[list].trusted, false)?, cover))
        })
    }
}

/// Bits in front of an IPv4 address mapped into IPv6 (RFC 4291 §2.5.5.2).
const MAPPED: u8 = 96;

/// An address as a number: an IPv4 address as the one that it is mapped to in IPv6.
pub(crate) fn bits_of(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> Network {
        Network::parse(text).unwrap()
    }

    fn entry(list: u16) -> Entry {
        Entry::new(ListId(list), 0, None)
    }

    #[test]
    fn texts_that_are_networks_and_texts_that_are_not() {
        assert_eq!(network("192.0.2.77/24"), network("192.0.2.0/24"));
        assert_eq!(network("::ffff:192.0.2.1"), network("192.0.2.1"));
        assert_eq!(network("::ffff:192.0.2.0/120"), network("192.0.2.0/24"));
        for text in ["", "a", "192.0.2", "192.0.2.0/33", "192.0.2.0/", "192.0.2.0/+8", "2001:db8::/129", "1.2.3.4/8/8"]
        {
            assert_eq!(Network::parse(text), None, "{text}");
        }
        assert!(network("1.0.0.0/7").is_wide() && network("2000::/15").is_wide() && !network("1.0.0.0/8").is_wide());
    }

    proptest::proptest! {
        /// The ranges against a look at every network, at random and at the edges.
        #[test]
        fn ranges_cover_what_the_networks_cover(
            networks in proptest::collection::vec((0_u32..64, 20_u8..=32, 0_u16..4), 0..24),
            probes in proptest::collection::vec(0_u32..64, 16),
        ) {
            let place = |number: u32| IpAddr::from((0xc000_0200_u32 + number * 37).to_be_bytes());
            let networks: Vec<(Network, Entry)> =
                networks.into_iter().map(|(at, len, list)| (Network::new(place(at), len).unwrap(), entry(list))).collect();
            let built = Addresses::build(&networks);
            let edges = networks.iter().flat_map(|(network, _)| {
                let (first, last, _) = network.range();
                [first.wrapping_sub(1), first, last, last.wrapping_add(1)].map(|bits| IpAddr::V6(bits.into()).to_canonical())
            });
            for address in probes.into_iter().map(place).chain(edges) {
                let bits = bits_of(address);
                let mut naive: Vec<Cover> = networks.iter().filter_map(|(network, entry)| {
                    let (first, last, prefix) = network.range();
                    (first <= bits && bits <= last).then_some(Cover { entry: *entry, prefix })
                }).collect();
                naive.sort_unstable();
                naive.dedup();
                proptest::prop_assert_eq!(built.covering(address), &*naive);
            }
        }
    }
}

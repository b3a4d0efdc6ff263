//! `[dns.tls]`, `[dns.https]` and `[dns.quic]`, and the names that go with them.

use std::collections::HashSet;
use std::path::Path;

use toml::Spanned;

use super::check::{Places, addresses, from_directory, once};
use super::file::{self, Way};
use super::mistake::Mistakes;
use crate::certificate::Files;
use crate::dns;
use crate::policy::Name;

/// Names of the server; the certificate of our own making is for all of them.
const NAMES_BOUND: usize = 16;

/// Takes the encrypted ways in out of `[dns]`.
pub(super) fn encrypted(
    dns: &mut file::Dns,
    directory: &Path,
    places: &mut Places,
    mistakes: &mut Mistakes<'_>,
) -> dns::Encrypted {
    for (way, name) in [(&dns.tls, "tls"), (&dns.quic, "quic")] {
        if let Some(http3) = way.as_ref().and_then(|way| way.get_ref().http3.as_ref()) {
            mistakes.add(&http3.span(), format!("there is no key http3 in [dns.{name}]; it belongs to [dns.https]"));
        }
    }
    let https = dns.https.take();
    let http3 = https.as_ref().and_then(|way| way.get_ref().http3.as_ref()).is_none_or(|http3| *http3.get_ref());
    let mut read = |way: Option<Spanned<Way>>, key| Some(way_in(way?.into_inner(), key, directory, places, mistakes));
    let tls = read(dns.tls.take(), "dns.tls.certificate");
    let https = read(https, "dns.https.certificate");
    let quic = read(dns.quic.take(), "dns.quic.certificate");
    let names = dns.names.take().map(|names| server_names(names, mistakes)).unwrap_or_default();
    dns::Encrypted { names, designate: dns.ddr.unwrap_or(true), tls, http3: http3 && https.is_some(), https, quic }
}

fn way_in(way: Way, key: &'static str, directory: &Path, places: &mut Places, mistakes: &mut Mistakes<'_>) -> dns::Way {
    let Way { listen, certificate, key: key_file, http3: _ } = way;
    let listen = addresses(listen, "write one as in [\"0.0.0.0:853\"], or take the table out", mistakes);
    let certificate = match (certificate, key_file) {
        (Some(certificate), Some(key_file)) => {
            places.insert(key, certificate.span());
            Some(Files {
                certificate: from_directory(directory, certificate.get_ref()),
                key: from_directory(directory, key_file.get_ref()),
            })
        }
        (None, None) => None,
        (Some(one), None) | (None, Some(one)) => {
            let what =
                "certificate and key belong together; write both, or neither for a certificate of sordino's making";
            mistakes.add(&one.span(), what);
            None
        }
    };
    dns::Way { listen, certificate }
}

fn server_names(names: Spanned<Vec<Spanned<String>>>, mistakes: &mut Mistakes<'_>) -> Vec<String> {
    if names.get_ref().len() > NAMES_BOUND {
        mistakes.add(&names.span(), format!("there are over {NAMES_BOUND} names; take some out"));
    }
    let mut taken = HashSet::new();
    let names = names.into_inner().into_iter().map(|name| {
        let (span, name) = (name.span(), name.into_inner().trim_end_matches('.').to_ascii_lowercase());
        let plain = name.bytes().all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'.'));
        if !plain || !name.contains('.') || Name::parse(&name).is_err() {
            let what = format!("{name:?} is no name for this server; write one as in \"dns.example.org\"");
            mistakes.add(&span, what);
        }
        once(&mut taken, name.clone(), &span, mistakes);
        name
    });
    names.collect()
}

/// What a device calls itself: a label as in host names, for it stands in a URL and in front of the server's name.
pub(super) fn device_id(id: Spanned<String>, mistakes: &mut Mistakes<'_>) -> String {
    let (span, id) = (id.span(), id.into_inner());
    let fits = id.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'-');
    if !fits || id.is_empty() || id.len() > 63 || id.starts_with('-') || id.ends_with('-') {
        let what = format!("{id:?} is no id: write 1 to 63 letters, digits and hyphens, as in \"phone\"");
        mistakes.add(&span, what);
    }
    id.to_ascii_lowercase()
}

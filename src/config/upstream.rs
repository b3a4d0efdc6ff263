//! `[upstream]`: who is asked what is not known here.

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use toml::Spanned;

use super::check::{Places, from_directory, once};
use super::file;
use super::mistake::Mistakes;
use super::values::Server;
use crate::dns::{RouteOptions, UpstreamOptions};
use crate::policy::Name;

pub(super) fn upstream_options(
    upstream: file::Upstream,
    directory: &Path,
    places: &mut Places,
    mistakes: &mut Mistakes<'_>,
) -> UpstreamOptions {
    let bootstrap = upstream.bootstrap.map(|bootstrap| {
        places.insert("upstream.bootstrap", bootstrap.span());
        for address in bootstrap.get_ref() {
            let text = address.get_ref();
            if text.parse::<IpAddr>().is_err() && text.parse::<SocketAddr>().is_err() {
                let what = format!("{text:?} is not an address; bootstrap takes addresses, as in [\"9.9.9.9\"]");
                mistakes.add(&address.span(), what);
            }
        }
        bootstrap.into_inner().into_iter().map(Spanned::into_inner).collect::<Vec<_>>()
    });
    let bootstrap = bootstrap.unwrap_or_default();
    if upstream.servers.as_ref().is_none_or(|servers| servers.get_ref().is_empty()) {
        let span = upstream.servers.as_ref().map(Spanned::span).unwrap_or_default();
        let what = "there is no forwarder to ask; write servers = [\"tls://9.9.9.9\"] or your own under [upstream]";
        mistakes.add(&span, what);
    }
    let servers = upstream.servers.map(|servers| {
        places.insert("upstream.servers", servers.span());
        written(servers.into_inner(), !bootstrap.is_empty(), mistakes)
    });
    let mut taken = HashSet::new();
    let routes = upstream.route.into_iter().map(|route| {
        places.entry("upstream.route").or_insert_with(|| route.span());
        let route = route.into_inner();
        if route.servers.get_ref().is_empty() {
            let what = "there is nobody to ask about these names; write servers = [\"udp://192.168.1.1\"]";
            mistakes.add(&route.servers.span(), what);
        }
        RouteOptions {
            domains: domains(route.domains, &mut taken, mistakes),
            servers: written(route.servers.into_inner(), !bootstrap.is_empty(), mistakes),
        }
    });
    let routes = routes.collect();
    if let Some(ca) = &upstream.ca {
        places.insert("upstream.ca", ca.span());
    }
    UpstreamOptions {
        servers: servers.unwrap_or_default(),
        bootstrap,
        ca: upstream.ca.map(|ca| from_directory(directory, ca.get_ref())),
        routes,
        strategy: upstream.strategy,
        trust_ad: upstream.trust_ad,
    }
}

/// Forwarders as written, each once.
fn written(servers: Vec<Spanned<Server>>, has_bootstrap: bool, mistakes: &mut Mistakes<'_>) -> Vec<String> {
    let mut taken = HashSet::new();
    let servers = servers.into_iter().map(|server| {
        let (span, Server { url, has_name }) = (server.span(), server.into_inner());
        once(&mut taken, url.clone(), &span, mistakes);
        if has_name && !has_bootstrap {
            let what = "sordino cannot ask itself for the address of this server; add bootstrap = [\"9.9.9.9\"] under [upstream]";
            mistakes.add(&span, what);
        }
        url
    });
    servers.collect()
}

/// The domains of a route; a domain has one route.
fn domains(
    domains: Spanned<Vec<Spanned<String>>>,
    taken: &mut HashSet<String>,
    mistakes: &mut Mistakes<'_>,
) -> Vec<Name> {
    if domains.get_ref().is_empty() {
        mistakes.add(&domains.span(), "this route names no domain; write domains = [\"corp.example\"]");
    }
    let domains = domains.into_inner().into_iter().filter_map(|domain| {
        let (span, text) = (domain.span(), domain.into_inner());
        match Name::parse(&text) {
            Ok(name) if name.as_ref().is_root() => {
                mistakes.add(&span, "\".\" is every name; write its forwarders as servers under [upstream]");
                None
            }
            Ok(name) => {
                once(taken, name.to_string(), &span, mistakes);
                Some(name)
            }
            Err(error) => {
                let what = format!("{text:?} is no domain, because {error}; write one as in \"corp.example\"");
                mistakes.add(&span, what);
                None
            }
        }
    });
    domains.collect()
}

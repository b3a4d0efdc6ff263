//! Forwarders that are known by their key alone: a server of one's own, whose certificate nobody signed.

use crate::support::forwarder::Forwarder;
use crate::support::sordino::{Setup, Sordino};
use crate::support::wire::*;

/// A house that answers over TLS, QUIC and HTTPS with a certificate of its own making.
fn server() -> (Forwarder, Sordino) {
    let forwarder = Forwarder::plain();
    let ways = ["tls", "quic", "https"].map(|way| format!("\n[dns.{way}]\nlisten = [\"127.0.0.1:0\"]\n"));
    let server = Setup::before(&forwarder).table(&ways.concat()).start();
    (forwarder, server)
}

fn pin(server: &Sordino) -> String {
    server.rest().read("/api/v1/status")["encrypted"][0]["pin"].as_str().expect("a pin").to_owned()
}

#[test]
fn rfc7858_4_2_a_forwarder_is_known_by_its_key_alone() {
    let (_forwarder, server) = server();
    let pin = pin(&server);
    let other = "A".repeat(43) + "=";
    for (url, number) in
        [("tls", 1), ("quic", 2), ("https", 3)].map(|(way, n)| (format!("{way}://{}", server.way(way)), n))
    {
        let name = format!("n{number}.pinned.example");
        // Without a pin nobody vouches for it.
        let trusting = Setup::new().server(&url).start();
        assert_eq!(trusting.ask(&name, A).rcode(), SERVFAIL, "{url}");
        let mistaken = Setup::new().server(format!("{url}#pin={other}")).start();
        assert_eq!(mistaken.ask(&name, A).rcode(), SERVFAIL, "{url}");
        let knowing = Setup::new().server(format!("{url}#pin={other},{pin}")).start();
        assert_eq!(knowing.resolve(&name), ["A 192.0.2.1"], "{url}");
        assert_eq!(knowing.rest().read("/api/v1/status")["upstreams"][0]["server"], url.as_str());
    }
}

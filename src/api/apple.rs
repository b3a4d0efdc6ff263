//! A profile for Apple's devices: with it an iPhone, an iPad or a Mac asks sordino over TLS or HTTPS (Apple's payload
//! `com.apple.dnsSettings.managed`). It is made of what is served now, and installed by whoever opens it.

use std::fmt::Write as _;
use std::net::IpAddr;

use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;

use super::auth::LoggedIn;
use super::markup::escaped;
use super::problem::{Params, Problem};
use crate::certificate::HOUSE_NAME;
use crate::dns::ServingStatus;

/// Octets of the name of a wireless network (IEEE 802.11-2020 §9.4.2.2).
const MAX_SSID: usize = 32;
/// The port of DNS over TLS (RFC 7858 §3.1): a profile cannot name another.
const TLS_PORT: u16 = 853;

/// For whom the profile is.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ProfileParams {
    /// `https` or `tls`; the first that is on where it is not given.
    protocol: Option<String>,
    /// What the device calls itself, so that it is told apart: letters, digits and hyphens.
    device: Option<String>,
    /// The wireless network of the house: elsewhere the device goes on asking whom it asked before.
    #[param(max_length = 32)]
    ssid: Option<String>,
}

/// What goes into a profile.
struct Wanted<'a> {
    https: bool,
    /// The name the certificate is for.
    server: String,
    port: u16,
    addresses: Vec<IpAddr>,
    device: Option<&'a str>,
    ssid: Option<&'a str>,
    /// A certificate that no device trusts by itself, in DER.
    own: Option<&'a [u8]>,
}

/// A profile that makes Apple's devices ask sordino over TLS or HTTPS.
#[utoipa::path(get, path = "/apple-profile", tag = "status", params(ProfileParams), responses(
    (status = 200, content_type = "application/x-apple-aspen-config", body = String, description = "A property list"),
    (status = 409, body = Problem, content_type = "application/problem+json",
        description = "Neither TLS on port 853 nor HTTPS is on, or without a name"),
    (status = 422, body = Problem, content_type = "application/problem+json", description = "There is no such way")))]
pub(crate) async fn apple_profile(
    house: LoggedIn,
    Params(params): Params<ProfileParams>,
) -> Result<impl IntoResponse, Problem> {
    let encrypted = house.resolver.status().encrypted;
    let wanted = wanted(&params, &encrypted)?;
    let mut random = [0; 48];
    getrandom::fill(&mut random).map_err(Problem::ours)?;
    let headers = [
        (header::CONTENT_TYPE, "application/x-apple-aspen-config"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"sordino.mobileconfig\""),
    ];
    Ok((headers, property_list(&wanted, random)))
}

fn wanted<'a>(params: &'a ProfileParams, encrypted: &'a [ServingStatus]) -> Result<Wanted<'a>, Problem> {
    let protocols: &[&str] = match params.protocol.as_deref() {
        None => &["https", "tls"],
        Some("https") => &["https"],
        Some("tls") => &["tls"],
        Some(_) => return Err(Problem::unusable("\"protocol\" is https or tls.")),
    };
    let device = params.device.as_deref();
    let is_label = |text: &str| {
        (1..=63).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !text.starts_with('-')
            && !text.ends_with('-')
    };
    if device.is_some_and(|device| !is_label(device)) {
        return Err(Problem::unusable("\"device\" is 1 to 63 letters, digits and hyphens, no hyphen at either end."));
    }
    let ssid = params.ssid.as_deref().filter(|ssid| !ssid.is_empty());
    if ssid.is_some_and(|ssid| ssid.len() > MAX_SSID || ssid.chars().any(char::is_control)) {
        return Err(Problem::unusable("\"ssid\" is the name of a wireless network: 1 to 32 octets."));
    }
    let usable = |protocol: &&str| {
        let mut ways = encrypted.iter().filter(|way| way.certificate.protocol == *protocol);
        ways.find(|way| *protocol == "https" || way.listen.iter().any(|address| address.port() == TLS_PORT))
    };
    let Some(way) = protocols.iter().find_map(usable) else {
        let what = "Apple's devices ask over HTTPS, or over TLS on port 853. Switch one of them on in [dns.https] or [dns.tls].";
        return Err(Problem::new(StatusCode::CONFLICT, what));
    };
    let certificate = &way.certificate;
    let https = certificate.protocol == "https";
    let plain = |name: &&String| !name.starts_with("*.");
    // Over TLS a device tells its name by a label in front of the server's (SNI), which the certificate must be for.
    let wildcard = certificate.names.iter().find_map(|name| name.strip_prefix("*."));
    let server = match device.filter(|_| !https) {
        None => certificate.names.iter().find(plain).cloned(),
        Some(_) if wildcard.is_none() => {
            let what = "Over TLS a device is told apart only where the certificate is for *.NAME; take HTTPS, or such a certificate.";
            return Err(Problem::new(StatusCode::CONFLICT, what));
        }
        Some(device) => wildcard.map(|name| format!("{device}.{name}")),
    };
    let Some(server) = server.or_else(|| certificate.own.then(|| HOUSE_NAME.to_owned())) else {
        let what = "The certificate is for no name, and Apple's devices look for one. Use a certificate for the name of this server.";
        return Err(Problem::new(StatusCode::CONFLICT, what));
    };
    // Those it listens on; where that is all of them, those the certificate was made for.
    let listened = way.listen.iter().map(|address| address.ip());
    let listened: Vec<IpAddr> = listened.filter(|ip| !ip.is_unspecified() && !ip.is_loopback()).collect();
    let known = certificate.addresses.iter().copied().filter(|ip| !ip.is_loopback());
    let addresses = if listened.is_empty() { known.collect() } else { listened };
    let port = way.listen.first().map_or(TLS_PORT, std::net::SocketAddr::port);
    Ok(Wanted { https, server, port, addresses, device, ssid, own: certificate.own.then_some(&certificate.der) })
}

/// The profile. `random` makes it another one than any before; the identifier says which one it takes the place of.
fn property_list(wanted: &Wanted<'_>, random: [u8; 48]) -> String {
    let [whole, dns, trust] = [0, 16, 32].map(|at| uuid(random[at..at + 16].try_into().unwrap_or_default()));
    let mut text = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \
         \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n<plist version=\"1.0\">\n<dict>\n<key>PayloadContent</key>\n<array>\n",
    );
    // A String takes everything.
    let _ = write_dns(&mut text, wanted, &dns);
    if let Some(der) = wanted.own {
        let _ = write_trust(&mut text, der, &trust);
    }
    text.push_str("</array>\n");
    let _ = write_head(&mut text, "Configuration", "home.arpa.sordino", "sordino", &whole);
    let _ = write_string(
        &mut text,
        "PayloadDescription",
        "Asks the DNS server of your house, sordino, encrypted. Remove the profile to ask as before.",
    );
    text.push_str("</dict>\n</plist>\n");
    text
}

fn write_dns(text: &mut String, wanted: &Wanted<'_>, uuid: &str) -> std::fmt::Result {
    text.push_str("<dict>\n<key>DNSSettings</key>\n<dict>\n");
    write_string(text, "DNSProtocol", if wanted.https { "HTTPS" } else { "TLS" })?;
    if wanted.https {
        let port = if wanted.port == 443 { String::new() } else { format!(":{}", wanted.port) };
        let device = wanted.device.map(|device| format!("/{device}")).unwrap_or_default();
        write_string(text, "ServerURL", &format!("https://{}{port}/dns-query{device}", wanted.server))?;
    } else {
        write_string(text, "ServerName", &wanted.server)?;
    }
    if !wanted.addresses.is_empty() {
        text.push_str("<key>ServerAddresses</key>\n<array>\n");
        for address in &wanted.addresses {
            writeln!(text, "<string>{address}</string>")?;
        }
        text.push_str("</array>\n");
    }
    text.push_str("</dict>\n");
    if let Some(ssid) = wanted.ssid {
        writeln!(
            text,
            "<key>OnDemandRules</key>\n<array>\n<dict>\n<key>Action</key>\n<string>Connect</string>\n\
             <key>InterfaceTypeMatch</key>\n<string>WiFi</string>\n<key>SSIDMatch</key>\n<array>\n<string>{}</string>\n\
             </array>\n</dict>\n<dict>\n<key>Action</key>\n<string>Disconnect</string>\n</dict>\n</array>",
            escaped(ssid)
        )?;
    }
    write_head(text, "com.apple.dnsSettings.managed", "home.arpa.sordino.dns", "DNS of the house", uuid)?;
    text.push_str("</dict>\n");
    Ok(())
}

fn write_trust(text: &mut String, der: &[u8], uuid: &str) -> std::fmt::Result {
    writeln!(text, "<dict>\n<key>PayloadContent</key>\n<data>{}</data>", BASE64_STANDARD.encode(der))?;
    write_head(text, "com.apple.security.root", "home.arpa.sordino.trust", "The certificate that sordino made", uuid)?;
    text.push_str("</dict>\n");
    Ok(())
}

fn write_head(text: &mut String, kind: &str, identifier: &str, name: &str, uuid: &str) -> std::fmt::Result {
    for (key, value) in
        [("PayloadType", kind), ("PayloadIdentifier", identifier), ("PayloadDisplayName", name), ("PayloadUUID", uuid)]
    {
        write_string(text, key, value)?;
    }
    writeln!(text, "<key>PayloadVersion</key>\n<integer>1</integer>")
}

fn write_string(text: &mut String, key: &str, value: &str) -> std::fmt::Result {
    writeln!(text, "<key>{key}</key>\n<string>{}</string>", escaped(value))
}

/// RFC 9562 §5.4.
fn uuid(mut octets: [u8; 16]) -> String {
    octets[6] = octets[6] & 0x0f | 0x40;
    octets[8] = octets[8] & 0x3f | 0x80;
    let mut text = String::with_capacity(36);
    for (place, octet) in octets.iter().enumerate() {
        let hyphen = if matches!(place, 4 | 6 | 8 | 10) { "-" } else { "" };
        let _ = write!(text, "{hyphen}{octet:02X}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(https: bool, device: Option<&str>, ssid: Option<&str>) -> String {
        let addresses = vec!["192.168.1.2".parse().unwrap(), "fd00::2".parse().unwrap()];
        let server = "dns.example".to_owned();
        let wanted = Wanted { https, server, port: 8443, addresses, device, ssid, own: Some(&[0x30, 0]) };
        property_list(&wanted, [0; 48])
    }

    #[test]
    fn a_profile_says_whom_to_ask_how_and_where() {
        let text = profile(true, Some("phone"), Some("Home & <garden>"));
        for part in [
            "<string>HTTPS</string>",
            "<string>https://dns.example:8443/dns-query/phone</string>",
            "<string>192.168.1.2</string>",
            "<string>fd00::2</string>",
            "<string>Home &amp; &lt;garden&gt;</string>",
            "<data>MAA=</data>",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        let text = profile(false, None, None);
        assert!(text.contains("<key>ServerName</key>\n<string>dns.example</string>"), "{text}");
        assert!(!text.contains("OnDemandRules"), "{text}");
    }

    #[test]
    fn rfc9562_a_uuid_says_that_it_is_random() {
        assert_eq!(uuid([0xff; 16]), "FFFFFFFF-FFFF-4FFF-BFFF-FFFFFFFFFFFF");
    }
}

//! Encrypted clients, and certificates for them to trust.

use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion, version};

use super::PATIENCE;
use super::client::Connected;

/// The name that the tests' certificates are for.
pub const NAME: &str = "dns.example";

/// A certificate of the operator's, on disk.
pub struct Pair {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

impl Pair {
    /// A new one for [`NAME`], in the place of the one before; it ends in `year`.
    pub fn write(dir: &Path, year: i32) -> Self {
        let key = KeyPair::generate().unwrap();
        let names = [NAME, "*.dns.example", "127.0.0.1"].map(str::to_owned);
        let mut params = CertificateParams::new(names).unwrap();
        (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(year, 1, 1));
        let pair = Self { certificate: dir.join("operator.pem"), key: dir.join("operator-key.pem") };
        std::fs::write(&pair.certificate, params.self_signed(&key).unwrap().pem()).unwrap();
        std::fs::write(&pair.key, key.serialize_pem()).unwrap();
        std::fs::set_permissions(&pair.key, std::fs::Permissions::from_mode(0o600)).unwrap();
        pair
    }

    /// A way in that shows it, as TOML.
    pub fn way(&self, protocol: &str) -> String {
        let (certificate, key) = (&self.certificate, &self.key);
        format!("\n[dns.{protocol}]\nlisten = [\"127.0.0.1:0\"]\ncertificate = {certificate:?}\nkey = {key:?}\n")
    }
}

/// Trust in the certificate in a PEM file, and nothing else.
pub fn trust(certificate: &Path, alpn: &[&str]) -> ClientConfig {
    trust_with(certificate, alpn, &[&version::TLS13, &version::TLS12])
}

/// As [`trust`], with these versions of TLS only.
pub fn trust_with(certificate: &Path, alpn: &[&str], versions: &[&'static SupportedProtocolVersion]) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(certificate).unwrap()).unwrap();
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    config
}

/// Queries over one TLS connection.
pub type Tls = Connected<StreamOwned<ClientConnection, TcpStream>>;

impl Tls {
    #[track_caller]
    pub fn to(server: SocketAddr, name: &str, config: &Arc<ClientConfig>) -> Self {
        Self::try_to(server, name, config).expect("a TLS connection")
    }

    /// None if the handshake fails.
    pub fn try_to(server: SocketAddr, name: &str, config: &Arc<ClientConfig>) -> Option<Self> {
        let socket = TcpStream::connect_timeout(&server, PATIENCE).expect("a TCP connection");
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let mut stream = StreamOwned::new(ClientConnection::new(config.clone(), name).unwrap(), socket);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock).ok()?;
        }
        Some(Self { stream })
    }
}

/// Runs a client that Debian has, with nothing on stdin; all it says. None, with a line that says so, where it is missing.
pub fn client(program: &str, arguments: &[&str]) -> Option<String> {
    let run = Command::new(program).args(arguments).stdin(Stdio::null()).output();
    match run {
        Ok(output) => Some(String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()),
        Err(error) => {
            println!("skipped: {program} cannot be run ({error})");
            None
        }
    }
}

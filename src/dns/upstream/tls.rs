//! What a certificate must be signed by.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

use crate::dns::options::BadOption;

/// TLS towards forwarders: Mozilla's roots, and those of the operator's file.
pub(super) fn client_config(ca: Option<&Path>) -> Result<ClientConfig, BadOption> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Some(path) = ca {
        let bad = |what: String| BadOption { key: "upstream.ca", what: format!("{}: {what}", path.display()) };
        let certificates = CertificateDer::pem_file_iter(path).map_err(|error| bad(error.to_string()))?;
        for certificate in certificates {
            let certificate = certificate.map_err(|error| bad(error.to_string()))?;
            roots.add(certificate).map_err(|error| bad(error.to_string()))?;
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = versions.map_err(|error| BadOption { key: "upstream.servers", what: error.to_string() })?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

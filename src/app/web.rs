//! Whom to believe when lists are fetched.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

/// TLS that believes what Mozilla believes, and besides that the private CA in the PEM file `ca`.
///
/// # Errors
/// One sentence on why the file cannot be used.
pub(crate) fn believing(ca: Option<&Path>) -> Result<ClientConfig, String> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Some(path) = ca {
        let bad = |what: String| format!("lists.ca: {}: {what}; write the path of a PEM file", path.display());
        let certificates = CertificateDer::pem_file_iter(path).map_err(|error| bad(error.to_string()))?;
        for certificate in certificates {
            let certificate = certificate.map_err(|error| bad(error.to_string()))?;
            roots.add(certificate).map_err(|error| bad(error.to_string()))?;
        }
    }
    // ring by name: the one of the whole process may be another, or none at all.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = versions.map_err(|error| format!("lists.ca: {error}"))?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

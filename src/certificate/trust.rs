//! Whom to believe: the certificates that those of other servers must lead to.

use std::path::Path;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, ConfigBuilder, Error, RootCertStore, WantsVerifier};

/// TLS that believes what Mozilla believes, and besides that the private CA in the PEM file `ca`.
///
/// # Errors
/// One sentence on why it cannot be used, which begins with the file where it is the file's fault.
pub fn believing(ca: Option<&Path>) -> Result<ClientConfig, String> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Some(path) = ca {
        let bad = |what: String| format!("{}: {what}; write the path of a PEM file", path.display());
        let certificates = CertificateDer::pem_file_iter(path).map_err(|error| bad(error.to_string()))?;
        for certificate in certificates {
            let certificate = certificate.map_err(|error| bad(error.to_string()))?;
            roots.add(certificate).map_err(|error| bad(error.to_string()))?;
        }
    }
    let builder = towards(provider()).map_err(|error| error.to_string())?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

/// TLS towards others, before it is said whom to believe.
///
/// # Errors
/// When `provider` knows no version of TLS that is safe.
pub fn towards(provider: Arc<CryptoProvider>) -> Result<ConfigBuilder<ClientConfig, WantsVerifier>, Error> {
    ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()
}

/// ring by name: the provider of the whole process may be another, or none at all.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

//! A forwarder that proves itself by a key that the operator pinned.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, SignatureScheme};

use super::endpoint::Pin;
use crate::certificate::{self, provider, towards};
use crate::dns::options::BadOption;

/// TLS towards a forwarder whose key is one of `pins` (RFC 7858 §4.2): a server of one's own needs no authority.
pub(super) fn pinned(pins: &[Pin]) -> Result<ClientConfig, BadOption> {
    let verifier = Arc::new(Pinned { pins: pins.into(), provider: provider() });
    let builder =
        towards(provider()).map_err(|error| BadOption { key: "upstream.servers", what: error.to_string() })?;
    Ok(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
}

/// Knows a server by its key alone: neither the name nor the dates of its certificate count, and nobody need have signed
/// it. The handshake proves that the server holds the key.
#[derive(Debug)]
struct Pinned {
    pins: Box<[Pin]>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let pin = certificate::pin_of(certificate).ok_or(CertificateError::BadEncoding)?;
        if self.pins.contains(&pin) {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(CertificateError::ApplicationVerificationFailure.into())
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

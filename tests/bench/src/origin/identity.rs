//! The origin's name on TLS: an authority and a leaf for `localhost` and `127.0.0.1`, made at
//! start and worth nothing afterwards.
//!
//! Not here: keys on disk. Only the authority's certificate is written, for clients to trust.

use std::path::Path;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use thiserror::Error;
use tokio_rustls::TlsAcceptor;

/// No identity could be made.
#[derive(Debug, Error)]
pub enum InvalidIdentity {
    /// Making a certificate failed.
    #[error("certificate: {0}")]
    Certificate(#[from] rcgen::Error),
    /// The TLS library refuses it.
    #[error("TLS: {0}")]
    Tls(#[from] rustls::Error),
    /// The authority's certificate cannot be written.
    #[error("--ca-out: {0}")]
    Write(#[from] std::io::Error),
}

/// A leaf certificate with its key, ready to serve, and who vouches for it.
pub struct Identity {
    authority_pem: String,
    config: Arc<ServerConfig>,
}

impl Identity {
    /// A new identity.
    ///
    /// # Errors
    /// When a certificate cannot be made or is refused.
    pub fn new() -> Result<Self, InvalidIdentity> {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "bench origin authority");
        let key = KeyPair::generate()?;
        let authority_pem = params.self_signed(&key)?.pem();
        let issuer = Issuer::new(params, key);
        let leaf_key = KeyPair::generate()?;
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let leaf = CertificateParams::new(names)?.signed_by(&leaf_key, &issuer)?;
        Ok(Self { authority_pem, config: Arc::new(config(leaf.der().clone(), &leaf_key)?) })
    }

    /// Writes the certificate that clients are to trust, in PEM.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_authority(&self, file: &Path) -> Result<(), InvalidIdentity> {
        Ok(std::fs::write(file, &self.authority_pem)?)
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.config))
    }
}

fn config(leaf: CertificateDer<'static>, key: &KeyPair) -> Result<ServerConfig, InvalidIdentity> {
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    Ok(ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![leaf], key)?)
}

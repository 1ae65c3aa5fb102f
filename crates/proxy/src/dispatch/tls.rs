//! TLS to providers: rustls on aws-lc-rs, names always verified, public authorities or a provider's own.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{CertificateError, ClientConfig, Error, RootCertStore};
use sidegate_policy::{Class, Fault, Reason};
use thiserror::Error;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::connect::Connected;

/// Certificates that cannot be used.
#[derive(Debug, Error)]
pub enum InvalidAuthorities {
    /// There is no certificate in it.
    #[error("the CA bundle holds no certificate in PEM")]
    Empty,
    /// rustls turned it down.
    #[error("the CA bundle cannot be used: {0}")]
    Rejected(#[from] Error),
}

/// Client configurations, one for each bundle of authorities.
#[derive(Default)]
pub struct Tls {
    configs: Mutex<HashMap<Option<Arc<str>>, Arc<ClientConfig>>>,
}

impl Tls {
    /// The configuration that trusts `authorities`, or the public ones.
    ///
    /// # Errors
    /// [`InvalidAuthorities`].
    pub fn config(&self, authorities: Option<&Arc<str>>) -> Result<Arc<ClientConfig>, InvalidAuthorities> {
        let mut configs = self.configs.lock().unwrap_or_else(PoisonError::into_inner);
        let key = authorities.cloned();
        if let Some(config) = configs.get(&key) {
            return Ok(config.clone());
        }
        let roots = match authorities {
            Some(pem) => bundle(pem)?,
            None => public(),
        };
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let config = Arc::new(config);
        configs.insert(key, config.clone());
        Ok(config)
    }

    /// Speaks TLS over `stream`.
    pub(super) async fn handshake(
        &self,
        config: Arc<ClientConfig>,
        host: &str,
        stream: TcpStream,
    ) -> Result<Connected, Fault> {
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| fault(Reason::TlsName, "its host is no name that a certificate can have"))?;
        let stream = TlsConnector::from(config).connect(name, stream).await.map_err(|e| told(&e))?;
        let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        Ok(Connected { io: Box::new(TokioIo::new(stream)), http2 })
    }
}

/// The authorities in a text.
fn bundle(pem: &str) -> Result<RootCertStore, InvalidAuthorities> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()).flatten() {
        roots.add(certificate)?;
    }
    if roots.is_empty() { Err(InvalidAuthorities::Empty) } else { Ok(roots) }
}

/// Mozilla's list, and what the platform adds to it.
pub(crate) fn public() -> RootCertStore {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}

/// Why a handshake failed.
fn told(error: &std::io::Error) -> Fault {
    let tls = error.get_ref().and_then(|e| e.downcast_ref::<Error>());
    match tls {
        Some(Error::InvalidCertificate(CertificateError::Expired | CertificateError::ExpiredContext { .. })) => {
            fault(Reason::TlsExpired, "its certificate has expired")
        }
        Some(Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        )) => fault(Reason::TlsName, "its certificate is for another name"),
        Some(Error::InvalidCertificate(_)) => fault(Reason::TlsUntrusted, "its certificate is not trusted"),
        _ => fault(Reason::TlsHandshake, "the TLS handshake failed"),
    }
}

fn fault(reason: Reason, what: &str) -> Fault {
    Fault::provider(Class::ProviderTransient, reason, format!("The provider could not be reached safely: {what}."))
}

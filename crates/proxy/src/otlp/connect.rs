//! Connections to a back-end: name, TCP, TLS on the same rustls as everything else.
//!
//! Unlike a provider's, its addresses are not filtered: who runs the pod chose it, and it gets no key of a provider.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::Uri;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio_rustls::TlsConnector;
use tonic::codegen::Service;

use crate::dispatch::connect::{Io, first_of};
use crate::dispatch::resolve::Resolver;
use sidegate_telemetry::otlp::settings::Target;

/// Opens connections to one back-end.
#[derive(Clone)]
pub struct Dialer(Arc<Dialed>);

struct Dialed {
    host: String,
    port: u16,
    tls: Option<Arc<ClientConfig>>,
    resolver: Resolver,
}

impl Dialer {
    /// To that back-end.
    #[must_use]
    pub fn to(target: &Target) -> Self {
        let (host, port, tls) = (target.host.clone(), target.port, target.tls.clone());
        Self(Arc::new(Dialed { host, port, tls, resolver: Resolver::default() }))
    }

    /// A connection. The caller bounds the time.
    ///
    /// # Errors
    /// When there is none to be had.
    pub async fn open(&self) -> io::Result<Box<dyn Io>> {
        let Dialed { host, port, tls, resolver } = &*self.0;
        let addresses = resolver.addresses(host).await.map_err(|_| io::ErrorKind::NotFound)?;
        let addresses: Vec<_> = addresses.into_iter().map(|ip| (ip, *port).into()).collect();
        let stream = first_of(&addresses).await.map_err(|_| io::ErrorKind::ConnectionRefused)?;
        let _ = stream.set_nodelay(true);
        let Some(config) = tls else {
            return Ok(Box::new(TokioIo::new(stream)));
        };
        let name = ServerName::try_from(host.clone()).map_err(io::Error::other)?;
        let stream = TlsConnector::from(config.clone()).connect(name, stream).await?;
        Ok(Box::new(TokioIo::new(stream)))
    }
}

/// As tonic asks for it.
impl Service<Uri> for Dialer {
    type Response = Box<dyn Io>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let dialer = self.clone();
        Box::pin(async move { dialer.open().await })
    }
}

//! From an origin to a connection: name, address filter, TCP, TLS.
//!
//! Addresses are judged at connect time, after the name was resolved, so that neither a rebinding name nor a
//! literal gets around it. Several addresses are tried in turn, each with a head start over the next.

pub mod address;

use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::rt::{Read, Write};
use hyper_util::rt::TokioIo;
use sidegate_policy::{Class, Endpoint, Fault, Provider, Reason};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::resolve::Resolver;
use super::tls::{InvalidAuthorities, Tls};

/// How long an address is waited for before the next is tried beside it (RFC 8305).
const HEAD_START: Duration = Duration::from_millis(250);
/// Addresses of one name that are tried.
const MAX_ADDRESSES: usize = 8;

/// What a pool is for: providers with the same one share connections.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Origin {
    /// Scheme, host and port; the path is empty.
    pub endpoint: Endpoint,
    /// PEM of the authorities it is trusted by; none means the public ones.
    pub authorities: Option<Arc<str>>,
    /// Private and loopback addresses are fine.
    pub private_addresses: bool,
}

impl Origin {
    /// The origin of a provider. One without credentials may be anywhere that the pod could call itself.
    #[must_use]
    pub fn of(provider: &Provider) -> Self {
        Self {
            endpoint: Endpoint { path: "".into(), ..provider.endpoint.clone() },
            authorities: provider.authorities.clone(),
            private_addresses: provider.network.private_addresses || provider.credentials.is_empty(),
        }
    }
}

/// What hyper needs of a connection.
pub trait Io: Read + Write + Unpin + Send + 'static {}
impl<T: Read + Write + Unpin + Send + 'static> Io for T {}

/// A connection that can carry HTTP.
pub struct Connected {
    /// Its bytes.
    pub io: Box<dyn Io>,
    /// HTTP/2 was agreed on.
    pub http2: bool,
}

/// The future of a connection.
pub type Connecting<'a> = Pin<Box<dyn Future<Output = Result<Connected, Fault>> + Send + 'a>>;

/// Opens connections: over the network, or in the memory of a test.
pub trait Connect: Send + Sync {
    /// Whether connections to this origin can be attempted at all.
    ///
    /// # Errors
    /// [`InvalidAuthorities`] when its certificates cannot be read.
    fn check(&self, origin: &Origin) -> Result<(), InvalidAuthorities>;
    /// Opens one. The caller bounds the time.
    fn connect<'a>(&'a self, origin: &'a Origin) -> Connecting<'a>;
}

/// Connects over the network.
#[derive(Default)]
pub struct Network {
    resolver: Resolver,
    tls: Tls,
}

impl Connect for Network {
    fn check(&self, origin: &Origin) -> Result<(), InvalidAuthorities> {
        if origin.endpoint.tls { self.tls.config(origin.authorities.as_ref()).map(drop) } else { Ok(()) }
    }

    fn connect<'a>(&'a self, origin: &'a Origin) -> Connecting<'a> {
        Box::pin(async move {
            let addresses = self.resolver.addresses(&origin.endpoint.host).await?;
            let stream = first_of(&allowed(addresses, origin)?).await?;
            let _ = stream.set_nodelay(true);
            if !origin.endpoint.tls {
                return Ok(Connected { io: Box::new(TokioIo::new(stream)), http2: false });
            }
            let config = self
                .tls
                .config(origin.authorities.as_ref())
                .map_err(|e| Fault::gateway(Class::GatewayInternal, Reason::TlsUntrusted, e.to_string()))?;
            self.tls.handshake(config, &origin.endpoint.host, stream).await
        })
    }
}

/// The addresses that may be called.
fn allowed(addresses: Vec<IpAddr>, origin: &Origin) -> Result<Vec<SocketAddr>, Fault> {
    let fine = |ip: &IpAddr| address::may_call(*ip, origin.private_addresses);
    let allowed: Vec<SocketAddr> =
        addresses.into_iter().filter(fine).take(MAX_ADDRESSES).map(|ip| (ip, origin.endpoint.port).into()).collect();
    if allowed.is_empty() {
        let message = format!(
            "`{}` has no address that may be called; private ones need network.privateAddresses.",
            origin.endpoint.host
        );
        return Err(Fault::gateway(Class::ProviderTransient, Reason::AddressNotAllowed, message));
    }
    Ok(allowed)
}

/// The first connection among the addresses.
pub(crate) async fn first_of(addresses: &[SocketAddr]) -> Result<TcpStream, Fault> {
    if let [only] = addresses {
        return TcpStream::connect(only).await.map_err(|_| not_connected());
    }
    let mut tries = JoinSet::new();
    for address in addresses {
        tries.spawn(TcpStream::connect(*address));
        if let Ok(Some(Ok(Ok(stream)))) = timeout(HEAD_START, tries.join_next()).await {
            return Ok(stream);
        }
    }
    while let Some(tried) = tries.join_next().await {
        if let Ok(Ok(stream)) = tried {
            return Ok(stream);
        }
    }
    Err(not_connected())
}

fn not_connected() -> Fault {
    let message = "The provider could not be reached: no address took a connection.";
    Fault::provider(Class::ProviderTransient, Reason::ConnectFailed, message)
}

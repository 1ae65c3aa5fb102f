//! The floor: the least that an HTTP/1.1 proxy can be on the libraries that the sidecar uses.
//! hyper in, hyper out, one current-thread runtime, one upstream connection for each downstream
//! connection, both bodies streamed untouched. What the sidecar costs is read as a ratio to this.
//!
//! Not here: pooling, limits, time-outs, errors worth reading. An upstream that fails ends the
//! connection, and the load generator counts that.
//!
//! `bench-floor --listen 127.0.0.1:P --upstream 127.0.0.1:Q [--ca FILE]`; with `--ca` the
//! upstream is spoken to over TLS and must prove to be `localhost` by that certificate.

use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use hyper::header::{CONNECTION, HeaderMap, TE, UPGRADE};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use sidegate_bench::flags::Flags;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

/// Why the program could not start.
type Failure = Box<dyn std::error::Error>;

/// Where calls go, and how.
#[derive(Clone)]
struct Upstream {
    addr: SocketAddr,
    tls: Option<TlsConnector>,
}

/// One downstream connection's own upstream connection, opened by its first call, and ending with
/// it.
struct Link {
    upstream: Upstream,
    open: Mutex<Open>,
}

/// The sender between two calls, and the task that drives its connection.
type Open = (Option<SendRequest<Incoming>>, JoinSet<hyper::Result<()>>);

impl Link {
    /// The sender is taken out for the length of a call: calls of one HTTP/1.1 connection follow
    /// one another, so nobody else wants it meanwhile.
    async fn call(&self, mut request: Request<Incoming>) -> io::Result<Response<Incoming>> {
        strip_hop_headers(request.headers_mut());
        let kept = self.lock().0.take().filter(|sender| !sender.is_closed());
        let mut sender = match kept {
            Some(sender) => sender,
            // Boxed, because what connecting needs would otherwise stay with every call.
            None => Box::pin(self.connect()).await?,
        };
        sender.ready().await.map_err(io::Error::other)?;
        let mut response = sender.send_request(request).await.map_err(io::Error::other)?;
        self.lock().0 = Some(sender);
        strip_hop_headers(response.headers_mut());
        Ok(response)
    }

    async fn connect(&self) -> io::Result<SendRequest<Incoming>> {
        let stream = TcpStream::connect(self.upstream.addr).await?;
        stream.set_nodelay(true)?;
        match &self.upstream.tls {
            None => self.handshake(TokioIo::new(stream)).await,
            Some(tls) => {
                let name = ServerName::try_from("localhost").map_err(io::Error::other)?;
                self.handshake(TokioIo::new(tls.connect(name, stream).await?)).await
            }
        }
    }

    async fn handshake<T>(&self, io: T) -> io::Result<SendRequest<Incoming>>
    where
        T: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
    {
        let (sender, connection) = hyper::client::conn::http1::handshake(io).await.map_err(io::Error::other)?;
        // A connection that broke shows in the next call on it; nobody asks the task.
        self.lock().1.spawn(connection);
        Ok(sender)
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn strip_hop_headers(headers: &mut HeaderMap) {
    for name in [CONNECTION, TE, UPGRADE] {
        headers.remove(name);
    }
}

async fn serve(downstream: TcpStream, upstream: Upstream) {
    let link = Arc::new(Link { upstream, open: Mutex::new((None, JoinSet::new())) });
    let service = hyper::service::service_fn(move |request| {
        let link = Arc::clone(&link);
        async move { link.call(request).await }
    });
    hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(downstream), service)
        .await
        .unwrap_or_default();
}

async fn accept(listen: SocketAddr, upstream: Upstream) -> io::Result<()> {
    let listener = TcpListener::bind(listen).await?;
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await?;
        if stream.set_nodelay(true).is_err() {
            continue; // The peer has gone already.
        }
        connections.spawn(serve(stream, upstream.clone()));
        while connections.try_join_next().is_some() {}
    }
}

fn trusting(ca: &str) -> Result<TlsConnector, Failure> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(ca)?)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

fn run() -> Result<(), Failure> {
    let mut flags = Flags::parse(std::env::args().skip(1))?;
    let listen = flags.loopback("listen")?;
    let upstream = Upstream {
        addr: flags.loopback("upstream")?,
        tls: flags.opt::<String>("ca")?.map(|ca| trusting(&ca)).transpose()?,
    };
    flags.end()?;
    tokio::runtime::Builder::new_current_thread().enable_io().build()?.block_on(accept(listen, upstream))?;
    Ok(())
}

#[expect(clippy::print_stderr, reason = "a command line speaks to a terminal")]
fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("bench-floor: {failure}");
            ExitCode::from(64)
        }
    }
}

//! A tracing back-end for tests: takes OTLP by gRPC and by HTTP/protobuf on one port, and keeps what it got.
//!
//! It reads the frames of gRPC by hand, so that it can answer as a broken or hostile back-end would. It judges nothing:
//! tests look at what it got.

mod answer;
mod tls;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::HeaderMap;
use hyper::rt::Executor;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

pub use self::tls::SinkTls;
use crate::sim::sniff::sniff;

/// How the back-end answers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Mood {
    /// It takes everything.
    #[default]
    Good,
    /// It says so, by this status; gRPC's code follows from it.
    Status(u16),
    /// The same, and says in how many seconds it may be asked again.
    Later(u16, u32),
    /// It answers gRPC with details that are none.
    Garbled,
    /// It answers by that status, and tells our own headers back: in a header, in the body or in gRPC's message.
    Echo(u16),
    /// It takes everything but so many spans.
    Rejects(i64),
    /// It never answers.
    Stall,
    /// Its answer does not end.
    Endless,
}

/// One request that was taken.
#[derive(Debug, Clone)]
pub struct Taken {
    /// By gRPC.
    pub grpc: bool,
    /// The path.
    pub path: String,
    /// The head.
    pub headers: HeaderMap,
    /// It was compressed.
    pub gzip: bool,
    /// What it said.
    pub request: ExportTraceServiceRequest,
}

/// The running back-end. Dropped, it is gone with all its connections.
pub struct Sink {
    at: SocketAddr,
    shared: Arc<Shared>,
    _tasks: JoinSet<()>,
}

#[derive(Default)]
struct Shared {
    mood: Mutex<Mood>,
    taken: Mutex<Vec<Taken>>,
    metrics: Mutex<Vec<ExportMetricsServiceRequest>>,
    asked: Mutex<u64>,
}

impl Sink {
    /// At a free port, without TLS.
    ///
    /// # Errors
    /// When there is none.
    pub async fn start() -> io::Result<Self> {
        Self::at((Ipv4Addr::LOCALHOST, 0).into(), None).await
    }

    /// There, with TLS where it is given.
    ///
    /// # Errors
    /// When somebody else is there.
    pub async fn at(address: SocketAddr, tls: Option<&SinkTls>) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let (at, shared) = (listener.local_addr()?, Arc::<Shared>::default());
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, tls.map(SinkTls::acceptor), shared.clone()));
        Ok(Self { at, shared, _tasks: tasks })
    }

    /// Where it is.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.at
    }

    /// From now on it answers like that.
    pub fn set(&self, mood: Mood) {
        *lock(&self.shared.mood) = mood;
    }

    /// Requests that came, taken or not.
    #[must_use]
    pub fn asked(&self) -> u64 {
        *lock(&self.shared.asked)
    }

    /// Requests that were taken.
    #[must_use]
    pub fn taken(&self) -> Vec<Taken> {
        lock(&self.shared.taken).clone()
    }

    /// The requests with metrics that were taken.
    #[must_use]
    pub fn metrics(&self) -> Vec<ExportMetricsServiceRequest> {
        lock(&self.shared.metrics).clone()
    }

    /// The spans of all requests that were taken.
    #[must_use]
    pub fn spans(&self) -> Vec<Span> {
        let taken = self.taken();
        let resources = taken.into_iter().flat_map(|t| t.request.resource_spans);
        resources.flat_map(|r| r.scope_spans).flat_map(|s| s.spans).collect()
    }
}

/// An attribute as text, lists in brackets; none if it is not there.
#[must_use]
pub fn told(attributes: &[KeyValue], name: &str) -> Option<String> {
    let found = attributes.iter().find(|a| a.key == name)?;
    Some(text(found.value.as_ref()?.value.as_ref()?))
}

fn text(value: &Value) -> String {
    match value {
        Value::StringValue(text) => text.clone(),
        Value::BoolValue(flag) => flag.to_string(),
        Value::IntValue(number) => number.to_string(),
        Value::DoubleValue(number) => number.to_string(),
        Value::ArrayValue(list) => {
            let texts: Vec<String> = list.values.iter().filter_map(|v| v.value.as_ref()).map(text).collect();
            format!("[{}]", texts.join(", "))
        }
        other => format!("{other:?}"),
    }
}

async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            accepted = listener.accept() => {
                if let Ok((socket, _)) = accepted {
                    connections.spawn(secured(socket, tls.clone(), shared.clone()));
                }
            }
        }
    }
}

async fn secured(socket: TcpStream, tls: Option<TlsAcceptor>, shared: Arc<Shared>) {
    match tls {
        None => serve(socket, shared).await,
        Some(tls) => {
            if let Ok(socket) = tls.accept(socket).await {
                serve(socket, shared).await;
            }
        }
    }
}

async fn serve(io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, shared: Arc<Shared>) {
    let Ok((h2, io)) = sniff(io).await else { return };
    let service = service_fn(move |request| answer::answer(shared.clone(), request));
    if h2 {
        drop(http2::Builder::new(Streams::default()).serve_connection(TokioIo::new(io), service).await);
    } else {
        drop(http1::Builder::new().serve_connection(TokioIo::new(io), service).await);
    }
}

/// The streams of one HTTP/2 connection; they end with it.
#[derive(Clone, Default)]
struct Streams(Arc<Mutex<JoinSet<()>>>);

impl<F> Executor<F> for Streams
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, stream: F) {
        let mut streams = lock(&self.0);
        while streams.try_join_next().is_some() {}
        streams.spawn(Pin::from(Box::new(stream)));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

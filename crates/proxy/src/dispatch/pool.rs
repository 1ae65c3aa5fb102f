//! Connections to providers, kept for the next call: a pool of our own on hyper's connection types.
//!
//! HTTP/1.1 connections wait in a stack, so that the warmest goes first and the rest grow old and are closed;
//! HTTP/2 is one connection shared by all. Each connection is a task of the pool's own. A request that found
//! its pooled connection closed before a byte was sent goes over another one; nothing else is ever repeated
//! here.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use futures_util::FutureExt;
use http::{HeaderValue, Request, Response, Uri, Version};
use hyper::body::Incoming;
use hyper::client::conn::{TrySendError, http1, http2};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use sidegate_policy::{Class, Endpoint, Fault, Provider, Reason};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use super::connect::{Connect, Origin};
use super::deadline::Deadline;
use super::tls::InvalidAuthorities;
use crate::prepare::Outgoing;

/// Idle connections kept for each origin.
const MAX_IDLE: usize = 512;
/// Time after which an idle connection is not used again: shorter than what most load balancers allow.
const IDLE_TIME: Duration = Duration::from_secs(55);
/// Pooled connections that a request tries before it opens its own.
const STALE_TRIES: usize = 3;
/// Bytes that hyper may buffer of one connection; a longer head is refused.
const CONNECTION_BUFFER: usize = 64 * 1024;

/// The pools of all origins, and how they connect.
pub struct Pools {
    connector: Arc<dyn Connect>,
    by_origin: Mutex<HashMap<Origin, Weak<Pool>>>,
    tasks: Mutex<JoinSet<()>>,
}

impl Pools {
    /// No connections yet.
    #[must_use]
    pub fn new(connector: Arc<dyn Connect>) -> Arc<Self> {
        Arc::new(Self { connector, by_origin: Mutex::default(), tasks: Mutex::default() })
    }

    /// The pool of a provider's origin; providers of one origin and one trust share it.
    ///
    /// # Errors
    /// [`InvalidAuthorities`] when the provider's certificates cannot be read.
    pub fn of(&self, provider: &Provider) -> Result<Arc<Pool>, InvalidAuthorities> {
        let origin = Origin::of(provider);
        let mut pools = lock(&self.by_origin);
        if let Some(pool) = pools.get(&origin).and_then(Weak::upgrade) {
            return Ok(pool);
        }
        self.connector.check(&origin)?;
        pools.retain(|_, pool| pool.strong_count() > 0);
        let pool = Arc::new(Pool::new(origin.clone(), self.connector.clone()));
        pools.insert(origin, Arc::downgrade(&pool));
        Ok(pool)
    }

    /// Gives a task to the pools, which end it with themselves.
    pub fn own(&self, task: impl Future<Output = ()> + Send + 'static) {
        own(&self.tasks, task);
    }

    /// Closes what has been idle for too long.
    pub fn close_idle(&self) {
        let pools: Vec<Arc<Pool>> = lock(&self.by_origin).values().filter_map(Weak::upgrade).collect();
        for pool in pools {
            lock(&pool.idle).retain(|idle| idle.since.elapsed() < IDLE_TIME && !idle.sender.is_closed());
        }
    }
}

/// The connections to one origin.
pub struct Pool {
    origin: Origin,
    connector: Arc<dyn Connect>,
    host: HeaderValue,
    authority: String,
    idle: Mutex<Vec<Idle>>,
    shared: Mutex<Option<http2::SendRequest<Outgoing>>>,
    tasks: Mutex<JoinSet<()>>,
}

struct Idle {
    sender: http1::SendRequest<Outgoing>,
    since: Instant,
}

enum Sender {
    Http1(http1::SendRequest<Outgoing>),
    Http2(http2::SendRequest<Outgoing>),
}

/// The answer and its connection, or the request, provably unsent.
type Sent = Result<(Response<Incoming>, Lease), Box<Request<Outgoing>>>;

/// A request that got no answer.
pub struct Unsendable {
    /// Why.
    pub fault: Fault,
    /// Some of it may have reached the provider.
    pub sent: bool,
}

/// A connection in use. Dropped before the answer has ended, it is closed.
pub struct Lease {
    pool: Arc<Pool>,
    sender: Option<http1::SendRequest<Outgoing>>,
}

impl Lease {
    /// The connection can take another request.
    pub fn give_back(mut self) {
        if let Some(sender) = self.sender.take() {
            let mut idle = lock(&self.pool.idle);
            if idle.len() < MAX_IDLE {
                idle.push(Idle { sender, since: Instant::now() });
            }
        }
    }

    /// Given back at once if nothing is left to read.
    #[must_use]
    pub fn keep_while(self, unread: bool) -> Option<Self> {
        if unread {
            return Some(self);
        }
        self.give_back();
        None
    }
}

impl Pool {
    fn new(origin: Origin, connector: Arc<dyn Connect>) -> Self {
        let authority = authority(&origin.endpoint);
        Self {
            host: HeaderValue::try_from(&authority).unwrap_or(HeaderValue::from_static("invalid")),
            authority,
            origin,
            connector,
            idle: Mutex::default(),
            shared: Mutex::default(),
            tasks: Mutex::default(),
        }
    }

    /// The value of the Host header.
    #[must_use]
    pub fn host_header(&self) -> HeaderValue {
        self.host.clone()
    }

    /// Sends a request over a connection that is open, or a new one.
    ///
    /// # Errors
    /// [`Unsendable`], which knows whether the provider may have seen any of it.
    pub async fn send(
        self: &Arc<Self>,
        mut request: Box<Request<Outgoing>>,
        connect: Duration,
        deadline: &mut Deadline,
    ) -> Result<(Response<Incoming>, Lease), Unsendable> {
        for _ in 0..STALE_TRIES {
            let Some(sender) = self.open().await else {
                break;
            };
            match self.send_over(sender, request, deadline).await? {
                Ok(answered) => return Ok(answered),
                Err(unsent) => request = unsent,
            }
        }
        // Boxed, because it is rare and large, and every call would have to keep room for it.
        let opened = Box::pin(timeout(connect, self.open_new())).await;
        let sender = match opened {
            Ok(opened) => opened,
            Err(_) => Err(unreachable(Reason::ConnectTimeout, "no connection within timeouts.connect")),
        }
        .map_err(|fault| Unsendable { fault, sent: false })?;
        match self.send_over(sender, request, deadline).await? {
            Ok(answered) => Ok(answered),
            Err(_) => Err(Unsendable {
                fault: unreachable(Reason::ConnectionLost, "it closed a new connection"),
                sent: false,
            }),
        }
    }

    /// A connection that is open and ready.
    async fn open(&self) -> Option<Sender> {
        let shared = lock(&self.shared).clone();
        if let Some(mut sender) = shared {
            if sender.ready().await.is_ok() {
                return Some(Sender::Http2(sender));
            }
            *lock(&self.shared) = None;
        }
        loop {
            let Idle { mut sender, since } = lock(&self.idle).pop()?;
            if sender.is_ready() || (since.elapsed() < IDLE_TIME && sender.ready().await.is_ok()) {
                return Some(Sender::Http1(sender));
            }
        }
    }

    /// Sends over one connection; the inner error is the request, provably unsent.
    async fn send_over(
        self: &Arc<Self>,
        sender: Sender,
        mut request: Box<Request<Outgoing>>,
        deadline: &mut Deadline,
    ) -> Result<Sent, Unsendable> {
        let (outcome, sender) = match sender {
            Sender::Http1(mut sender) => {
                let outcome = deadline.bound(sender.try_send_request(*request)).await;
                (outcome, Some(sender))
            }
            Sender::Http2(mut sender) => {
                self.absolute(&mut request);
                (deadline.bound(sender.try_send_request(*request)).await, None)
            }
        };
        match outcome {
            Ok(Ok(response)) => Ok(Ok((response, Lease { pool: self.clone(), sender }))),
            Ok(Err(mut error)) => match error.take_message() {
                Some(request) => Ok(Err(Box::new(request))),
                None => Err(lost(&error)),
            },
            Err(fault) => Err(Unsendable { fault, sent: true }),
        }
    }

    /// HTTP/2 names scheme and authority in the request, and has no Host.
    fn absolute(&self, request: &mut Request<Outgoing>) {
        let scheme = if self.origin.endpoint.tls { "https" } else { "http" };
        let path = request.uri().path_and_query().map_or("/", |p| p.as_str());
        if let Ok(uri) = Uri::builder().scheme(scheme).authority(&*self.authority).path_and_query(path).build() {
            *request.uri_mut() = uri;
        }
        request.headers_mut().remove(http::header::HOST);
        *request.version_mut() = Version::HTTP_2;
    }

    /// Speaks HTTP over a new connection, and gives it a task.
    async fn open_new(self: &Arc<Self>) -> Result<Sender, Fault> {
        let connected = self.connector.connect(&self.origin).await?;
        let refused = |_| unreachable(Reason::ConnectFailed, "the connection broke as it began");
        if connected.http2 {
            let (sender, connection) = http2::Builder::new(TokioExecutor::new())
                .timer(TokioTimer::new())
                .keep_alive_interval(Some(Duration::from_secs(20)))
                .max_header_list_size(CONNECTION_BUFFER as u32)
                .handshake(connected.io)
                .await
                .map_err(refused)?;
            own(&self.tasks, connection.map(drop));
            *lock(&self.shared) = Some(sender.clone());
            return Ok(Sender::Http2(sender));
        }
        let (sender, connection) =
            http1::Builder::new().max_buf_size(CONNECTION_BUFFER).handshake(connected.io).await.map_err(refused)?;
        own(&self.tasks, connection.map(drop));
        Ok(Sender::Http1(sender))
    }
}

fn own(tasks: &Mutex<JoinSet<()>>, task: impl Future<Output = ()> + Send + 'static) {
    let mut tasks = lock(tasks);
    while tasks.try_join_next().is_some() {}
    tasks.spawn(task);
}

/// As in a Host header: the port only where it is not the scheme's own.
fn authority(endpoint: &Endpoint) -> String {
    let host = if endpoint.host.contains(':') { format!("[{}]", endpoint.host) } else { endpoint.host.to_string() };
    if endpoint.port == if endpoint.tls { 443 } else { 80 } { host } else { format!("{host}:{}", endpoint.port) }
}

fn unreachable(reason: Reason, what: &str) -> Fault {
    Fault::provider(Class::ProviderTransient, reason, format!("The provider could not be reached: {what}."))
}

/// The connection ended, or the answer is no HTTP, after the request may have been sent.
fn lost(error: &TrySendError<Request<Outgoing>>) -> Unsendable {
    let error = error.error();
    if unprocessed(error) {
        let fault = unreachable(Reason::ConnectionLost, "it refused the request unprocessed");
        return Unsendable { fault, sent: false };
    }
    let fault = if error.is_parse() || error.is_parse_too_large() {
        Fault::provider(Class::ProviderTransient, Reason::BadResponse, "The provider's answer is not acceptable HTTP.")
    } else {
        unreachable(Reason::ConnectionLost, "it closed the connection before its answer")
    };
    Unsendable { fault, sent: true }
}

/// HTTP/2: the provider said that it did nothing about the request (RFC 9113, 8.7).
fn unprocessed(error: &hyper::Error) -> bool {
    let source = std::error::Error::source(error).and_then(|e| e.downcast_ref::<h2::Error>());
    source.is_some_and(|e| match e.reason() {
        Some(h2::Reason::REFUSED_STREAM) => e.is_remote(),
        // Streams that the goodbye still covers go on; the others end with its reason.
        Some(h2::Reason::NO_ERROR) => e.is_remote() && e.is_go_away(),
        _ => false,
    })
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

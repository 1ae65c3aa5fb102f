//! Connections in memory: from client to sidecar, and from sidecar to simulator.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::BytesMut;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use sidegate_policy::Fault;
use sidegate_proxy::dispatch::connect::{Connect, Connected, Connecting, Origin};
use sidegate_proxy::dispatch::tls::InvalidAuthorities;
use sidegate_proxy::listen::Inbound;
use sidegate_testkit::sim::Simulator;
use std::fmt;
use std::future::{pending, poll_fn};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Wake, Waker};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf, duplex};
use tokio::task::JoinSet;

/// Bytes that one direction of a connection holds.
pub const PIPE: usize = 64 * 1024;

/// The sidecar's end of a client's connection. As with a socket, what the client sends arrives without being read, and
/// so does its end.
#[derive(Clone)]
pub struct Pipe {
    arrived: Arc<Mutex<Arrived>>,
    waiting: Arc<Waiting>,
}

/// What has come through a pipe.
struct Arrived {
    io: DuplexStream,
    ahead: BytesMut,
    ended: bool,
}

/// Who waits for more: whoever reads, and whoever watches for the end.
#[derive(Default)]
struct Waiting {
    reader: Mutex<Option<Waker>>,
    watcher: Mutex<Option<Waker>>,
}

impl Wake for Waiting {
    fn wake(self: Arc<Self>) {
        let wakers = [lock(&self.reader).take(), lock(&self.watcher).take()];
        wakers.into_iter().flatten().for_each(Waker::wake);
    }
}

impl Pipe {
    /// Takes over one end.
    #[must_use]
    pub fn new(io: DuplexStream) -> Self {
        let arrived = Arrived { io, ahead: BytesMut::new(), ended: false };
        Self { arrived: Arc::new(Mutex::new(arrived)), waiting: Arc::default() }
    }

    /// Takes what has come; whoever waits is woken when there is more.
    fn take_in(&self) -> MutexGuard<'_, Arrived> {
        let mut arrived = lock(&self.arrived);
        let waker = Waker::from(self.waiting.clone());
        let mut cx = Context::from_waker(&waker);
        let mut piece = [0; 4096];
        while !arrived.ended && arrived.ahead.len() < PIPE {
            let mut buffer = ReadBuf::new(&mut piece);
            match Pin::new(&mut arrived.io).poll_read(&mut cx, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => arrived.ahead.extend_from_slice(buffer.filled()),
                Poll::Ready(_) => arrived.ended = true,
                Poll::Pending => break,
            }
        }
        arrived
    }
}

impl Inbound for Pipe {
    fn left(&self) -> impl Future<Output = ()> + Send + 'static {
        let pipe = self.clone();
        poll_fn(move |cx| {
            *lock(&pipe.waiting.watcher) = Some(cx.waker().clone());
            let arrived = pipe.take_in();
            if arrived.ended { Poll::Ready(()) } else { Poll::Pending }
        })
    }
}

impl Read for Pipe {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, mut into: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        *lock(&self.waiting.reader) = Some(cx.waker().clone());
        let mut arrived = self.take_in();
        if arrived.ahead.is_empty() && !arrived.ended {
            return Poll::Pending;
        }
        let n = arrived.ahead.len().min(into.remaining());
        into.put_slice(&arrived.ahead.split_to(n));
        Poll::Ready(Ok(()))
    }
}

impl Write for Pipe {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, from: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut lock(&self.arrived).io).poll_write(cx, from)
    }
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut lock(&self.arrived).io).poll_flush(cx)
    }
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut lock(&self.arrived).io).poll_shutdown(cx)
    }
}

/// How the next connections to the simulator go.
#[derive(Debug, Clone, Default)]
pub enum Road {
    /// They arrive.
    #[default]
    Open,
    /// They are refused, as told.
    Closed(Fault),
    /// They neither arrive nor fail.
    Hole,
    /// They arrive at somebody else than the simulator.
    To(Peer),
}

/// Somebody who serves connections in the simulator's place.
#[derive(Clone)]
pub struct Peer {
    http2: bool,
    serve: Arc<dyn Fn(DuplexStream) -> Served + Send + Sync>,
}

/// A connection being served.
pub type Served = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Peer {
    /// Serves each connection with `serve`; `http2` as TLS would have agreed.
    pub fn new<S>(http2: bool, serve: impl Fn(DuplexStream) -> S + Send + Sync + 'static) -> Self
    where
        S: Future<Output = ()> + Send + 'static,
    {
        Self { http2, serve: Arc::new(move |io| Box::pin(serve(io))) }
    }
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peer").field("http2", &self.http2).finish_non_exhaustive()
    }
}

/// Connects every origin to one simulator.
#[derive(Clone)]
pub struct Memory {
    sim: Simulator,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    tasks: Mutex<JoinSet<()>>,
    road: Mutex<Road>,
    by_host: Mutex<HashMap<String, Road>>,
    opened: Mutex<u32>,
}

impl Memory {
    /// A road to `sim`, open.
    #[must_use]
    pub fn to(sim: Simulator) -> Self {
        Self { sim, shared: Arc::default() }
    }

    /// From now on connections go like that.
    pub fn set(&self, road: Road) {
        *lock(&self.shared.road) = road;
    }

    /// From now on connections to `host` go like that.
    pub fn set_for(&self, host: &str, road: Road) {
        lock(&self.shared.by_host).insert(host.to_owned(), road);
    }

    /// Connections that arrived.
    #[must_use]
    pub fn opened(&self) -> u32 {
        *lock(&self.shared.opened)
    }

    /// Connections that nobody has closed.
    #[must_use]
    pub fn open(&self) -> usize {
        let mut tasks = lock(&self.shared.tasks);
        while tasks.try_join_next().is_some() {}
        tasks.len()
    }

    fn road(&self, host: &str) -> Road {
        lock(&self.shared.by_host).get(host).cloned().unwrap_or_else(|| lock(&self.shared.road).clone())
    }
}

impl Connect for Memory {
    fn check(&self, _: &Origin) -> Result<(), InvalidAuthorities> {
        Ok(())
    }

    fn connect<'a>(&'a self, origin: &'a Origin) -> Connecting<'a> {
        Box::pin(async move {
            let (near, far) = duplex(PIPE);
            let mut http2 = false;
            let served: Served = match self.road(&origin.endpoint.host) {
                Road::Closed(fault) => return Err(fault),
                Road::Hole => pending().await,
                Road::Open => Box::pin(self.sim.serve_connection(far)),
                Road::To(peer) => {
                    http2 = peer.http2;
                    (peer.serve)(far)
                }
            };
            *lock(&self.shared.opened) += 1;
            lock(&self.shared.tasks).spawn(served);
            Ok(Connected { io: Box::new(TokioIo::new(near)), http2 })
        })
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

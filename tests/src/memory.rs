//! Connections in memory: from client to sidecar, and from sidecar to simulator.

use std::sync::{Arc, Mutex, PoisonError};

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use sidegate_policy::Fault;
use sidegate_proxy::dispatch::connect::{Connect, Connected, Connecting, Origin};
use sidegate_proxy::dispatch::tls::InvalidAuthorities;
use sidegate_proxy::listen::Inbound;
use sidegate_testkit::sim::Simulator;
use std::future::pending;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{DuplexStream, duplex};
use tokio::task::JoinSet;

/// Bytes that one direction of a connection holds.
pub const PIPE: usize = 64 * 1024;

/// A client's end of the sidecar's call port.
pub struct Pipe(pub TokioIo<DuplexStream>);

impl Inbound for Pipe {
    fn left(&self) -> impl Future<Output = ()> + Send + 'static {
        // A pipe's end is seen by reading it only.
        pending()
    }
}

impl Read for Pipe {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, into)
    }
}

impl Write for Pipe {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, from: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, from)
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
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
        *self.shared.road.lock().unwrap_or_else(PoisonError::into_inner) = road;
    }

    /// Connections that arrived.
    #[must_use]
    pub fn opened(&self) -> u32 {
        *self.shared.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connect for Memory {
    fn check(&self, _: &Origin) -> Result<(), InvalidAuthorities> {
        Ok(())
    }

    fn connect<'a>(&'a self, _: &'a Origin) -> Connecting<'a> {
        Box::pin(async move {
            let road = self.shared.road.lock().unwrap_or_else(PoisonError::into_inner).clone();
            match road {
                Road::Closed(fault) => return Err(fault),
                Road::Hole => pending::<()>().await,
                Road::Open => {}
            }
            let (near, far) = duplex(PIPE);
            *self.shared.opened.lock().unwrap_or_else(PoisonError::into_inner) += 1;
            let mut tasks = self.shared.tasks.lock().unwrap_or_else(PoisonError::into_inner);
            tasks.spawn(self.sim.serve_connection(far));
            Ok(Connected { io: Box::new(TokioIo::new(near)), http2: false })
        })
    }
}

//! The cable between sidecars and their control plane, in memory: it can be pulled, become a black hole, or crawl.
//!
//! It carries bytes and knows nothing of gRPC. Whoever serves takes the ends that [`Cable::incoming`] gives; whoever
//! calls gets the others through [`Cable::channel`].

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::{Stream, stream};
use http::Uri;
use hyper_util::rt::TokioIo;
use sidegate_proxy::control::tuned;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, ReadHalf, WriteHalf, duplex, split};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tonic::codegen::Service;
use tonic::transport::{Channel, Endpoint};

use crate::memory::PIPE;

/// How the cable carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carry {
    /// At once.
    All,
    /// Nothing, and nobody is told.
    Nothing,
    /// One byte a second.
    Crawl,
}

/// A cable with any number of connections; clones share it.
#[derive(Clone)]
pub struct Cable(Arc<Shared>);

struct Shared {
    carry: watch::Sender<Carry>,
    /// Where new connections go; none is there while nobody serves.
    server: Mutex<Option<mpsc::UnboundedSender<DuplexStream>>>,
    connections: Mutex<JoinSet<()>>,
    began: Instant,
    attempts: Mutex<Vec<Duration>>,
}

impl Default for Cable {
    fn default() -> Self {
        Self(Arc::new(Shared {
            carry: watch::Sender::new(Carry::All),
            server: Mutex::default(),
            connections: Mutex::default(),
            began: Instant::now(),
            attempts: Mutex::default(),
        }))
    }
}

impl Cable {
    /// From now on it carries like that, on the connections that are open too.
    pub fn carry(&self, how: Carry) {
        self.0.carry.send_replace(how);
    }

    /// Pulls it: every connection ends at both of its ends. New ones can be made.
    pub fn pull(&self) {
        lock(&self.0.connections).abort_all();
    }

    /// The connections from now on, for a server; an earlier server gets no more.
    pub fn incoming(&self) -> impl Stream<Item = DuplexStream> + Send + use<> {
        let (server, connections) = mpsc::unbounded_channel();
        *lock(&self.0.server) = Some(server);
        stream::unfold(connections, |mut connections| async { Some((connections.recv().await?, connections)) })
    }

    /// A channel over it, with the timeouts of a sidecar's link; it connects when it is used.
    #[must_use]
    pub fn channel(&self) -> Channel {
        tuned(Endpoint::from_static("http://control-plane.test:4780")).connect_with_connector_lazy(Plug(self.clone()))
    }

    /// When connections were tried, counted from the making of the cable.
    #[must_use]
    pub fn attempts(&self) -> Vec<Duration> {
        lock(&self.0.attempts).clone()
    }

    /// Connections that are open.
    #[must_use]
    pub fn open(&self) -> usize {
        let mut connections = lock(&self.0.connections);
        while connections.try_join_next().is_some() {}
        connections.len()
    }

    async fn connect(self) -> io::Result<TokioIo<DuplexStream>> {
        lock(&self.0.attempts).push(self.0.began.elapsed());
        // A SYN that nobody answers.
        let _ = self.0.carry.subscribe().wait_for(|carry| *carry != Carry::Nothing).await;
        let ((near, sidecar), (far, server)) = (duplex(PIPE), duplex(PIPE));
        let taken = lock(&self.0.server).as_ref().is_some_and(|to| to.send(server).is_ok());
        if !taken {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        let ((from_sidecar, to_sidecar), (from_server, to_server)) = (split(near), split(far));
        let (up, down) = (self.0.carry.subscribe(), self.0.carry.subscribe());
        lock(&self.0.connections).spawn(async move {
            tokio::join!(relay(from_sidecar, to_server, up), relay(from_server, to_sidecar, down));
        });
        Ok(TokioIo::new(sidecar))
    }
}

/// Carries one direction to its end.
async fn relay(mut from: ReadHalf<DuplexStream>, mut to: WriteHalf<DuplexStream>, mut carry: watch::Receiver<Carry>) {
    let mut room = vec![0; PIPE];
    while let Ok(read) = from.read(&mut room).await {
        let mut rest = room.get(..read).unwrap_or_default();
        loop {
            let how = *carry.borrow_and_update();
            match how {
                Carry::Nothing if carry.changed().await.is_err() => return,
                Carry::Nothing => {}
                _ if rest.is_empty() => break,
                Carry::All => match to.write_all(rest).await {
                    Ok(()) => rest = &[],
                    Err(_) => return,
                },
                Carry::Crawl => {
                    sleep(Duration::from_secs(1)).await;
                    let (byte, later) = rest.split_at(1);
                    if to.write_all(byte).await.is_err() {
                        return;
                    }
                    rest = later;
                }
            }
        }
        if read == 0 {
            let _ = to.shutdown().await;
            return;
        }
    }
}

/// A channel's end of the cable.
struct Plug(Cable);

impl Service<Uri> for Plug {
    type Response = TokioIo<DuplexStream>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        Box::pin(self.0.clone().connect())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

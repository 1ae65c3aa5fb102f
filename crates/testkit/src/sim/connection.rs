//! One connection: which HTTP it speaks, and serving it.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use hyper::rt::Executor;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::Simulator;
use super::exchange;
use super::raw::{After, ByHand};
use super::sniff::{Sniffed, sniff};

/// What one connection's requests share with it.
#[derive(Default)]
pub(crate) struct Door {
    /// Whether it speaks HTTP/2.
    pub h2: bool,
    by_hand: Mutex<Option<ByHand>>,
}

impl Door {
    /// Leaves an answer to be written once hyper has let go of the connection.
    pub(crate) fn leave(&self, answer: ByHand) {
        *self.by_hand.lock().unwrap_or_else(PoisonError::into_inner) = Some(answer);
    }

    fn take(&self) -> Option<ByHand> {
        self.by_hand.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Serves `io` until it ends.
pub(crate) async fn serve<I>(sim: Simulator, io: I)
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    drop(serve_and_return(sim, io).await);
}

/// Serves an accepted socket, with TLS if there is an acceptor.
pub(crate) async fn serve_tcp(sim: Simulator, socket: TcpStream, tls: Option<TlsAcceptor>) {
    let socket = match tls {
        None => serve_and_return(sim, socket).await,
        Some(tls) => {
            let Ok(secured) = tls.accept(socket).await else {
                return;
            };
            serve_and_return(sim, secured).await.map(|secured| secured.into_inner().0)
        }
    };
    if let Some(socket) = socket {
        // A close with unsent time zero is an RST.
        drop(socket.set_zero_linger());
    }
}

/// Serves `io`, and returns it if it is to be reset.
async fn serve_and_return<I>(sim: Simulator, io: I) -> Option<I>
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (h2, io) = sniff(io).await.ok()?;
    if h2 {
        serve_h2(sim, io).await;
        return None;
    }
    serve_h1(sim, io).await
}

async fn serve_h1<I>(sim: Simulator, mut io: Sniffed<I>) -> Option<I>
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    loop {
        let door = Arc::new(Door::default());
        let (inner, first) = serve_until_by_hand(&sim, io, &door).await;
        io = Sniffed { first, io: inner };
        let after = match door.take() {
            Some(answer) => answer.write(&mut io.io).await,
            None => After::Close,
        };
        match after {
            After::Next => {}
            After::Reset => return Some(io.io),
            After::Close => {
                drop(io.shutdown().await);
                return None;
            }
        }
    }
}

/// Lets hyper serve until the connection ends or an answer is left to be
/// written by hand; gives back the connection and what was read ahead.
async fn serve_until_by_hand<I>(sim: &Simulator, io: Sniffed<I>, door: &Arc<Door>) -> (I, Bytes)
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(|request| {
        let (sim, door) = (sim.clone(), Arc::clone(door));
        Box::pin(async move { exchange::answer(&sim, &door, request).await })
    });
    let mut connection = http1::Builder::new().serve_connection(TokioIo::new(io), service);
    // An error ends the connection like its end does; the bill says which.
    drop(poll_fn(|cx| connection.poll_without_shutdown(cx)).await);
    let parts = connection.into_parts();
    (parts.io.into_inner().io, parts.read_buf)
}

async fn serve_h2<I>(sim: Simulator, io: Sniffed<I>)
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let door = Arc::new(Door { h2: true, ..Door::default() });
    let service = service_fn(move |request| {
        let (sim, door) = (sim.clone(), Arc::clone(&door));
        async move { exchange::answer(&sim, &door, request).await }
    });
    let streams = Streams::default();
    drop(http2::Builder::new(streams).serve_connection(TokioIo::new(io), service).await);
}

/// The streams of one HTTP/2 connection; they end with it.
#[derive(Clone, Default)]
struct Streams(Arc<Mutex<JoinSet<()>>>);

impl<F> Executor<F> for Streams
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, stream: F) {
        let mut streams = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while streams.try_join_next().is_some() {}
        streams.spawn(Pin::from(Box::new(stream)));
    }
}

//! One connection: which HTTP it speaks, and serving it.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use hyper::rt::Executor;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::Simulator;
use super::exchange;
use super::sniff::{Sniffed, sniff};

/// Serves `io` until it ends.
pub(crate) async fn serve<I>(sim: Simulator, io: I)
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let Ok((h2, io)) = sniff(io).await else {
        return;
    };
    if h2 {
        serve_h2(sim, io).await;
    } else {
        serve_h1(sim, io).await;
    }
}

/// Serves an accepted socket.
pub(crate) async fn serve_tcp(sim: Simulator, socket: TcpStream) {
    serve(sim, socket).await;
}

async fn serve_h1<I>(sim: Simulator, io: Sniffed<I>)
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request| {
        let sim = sim.clone();
        Box::pin(async move { exchange::answer(&sim, request).await })
    });
    // A connection that ends with an error ended; the bill says how.
    drop(
        http1::Builder::new()
            .serve_connection(TokioIo::new(io), service)
            .await,
    );
}

async fn serve_h2<I>(sim: Simulator, io: Sniffed<I>)
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request| {
        let sim = sim.clone();
        async move { exchange::answer(&sim, request).await }
    });
    let streams = Streams::default();
    drop(
        http2::Builder::new(streams)
            .serve_connection(TokioIo::new(io), service)
            .await,
    );
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

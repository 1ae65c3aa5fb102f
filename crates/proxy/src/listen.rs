//! Step 1, listen: from a client's connection to its requests, within limits of time, head and number.
//!
//! One port takes HTTP/1.1 and HTTP/2 by prior knowledge, told apart by the first bytes. A connection is one
//! task: when it ends, for whatever reason, every call on it is dropped, and dropping is cancelling.

pub mod activity;
mod http1;
pub mod prefix;
pub mod socket;

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::rt::{Read, Write};
use hyper::service::service_fn;
use hyper::{Request, server};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use self::http1::{Http1, signs};
use self::prefix::Prefixed;
use self::socket::Socket;
use crate::exchange::exchange;
use crate::sidecar::Sidecar;
use crate::signals::stopped;

/// Time for a connection's first bytes.
pub const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of a request's head. It has at most a hundred lines, hyper's own limit, as answers have: a limit that is set
/// costs a pass over as many places for each head.
pub const HEAD_BYTES: usize = 32 * 1024;
/// Bytes that hyper may buffer of one connection in each direction.
const CONNECTION_BUFFER: usize = 64 * 1024;
/// HTTP/2: calls at once on one connection.
const H2_STREAMS: u32 = 256;
/// HTTP/2: bytes that a client may send before the call has taken them, per stream.
const H2_WINDOW: u32 = 256 * 1024;
/// Pause after an accept that failed, as when file descriptors run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What a client's connection must offer.
pub trait Inbound: Read + Write + Unpin + Send + 'static {
    /// Resolves when the client has closed its sending side, even while nobody reads: during a call nobody does.
    fn left(&self) -> impl Future<Output = ()> + Send + 'static;
}

impl Inbound for TokioIo<Socket> {
    fn left(&self) -> impl Future<Output = ()> + Send + 'static {
        self.inner().left()
    }
}

/// Accepts connections until `stop` says so, then lets the running calls end.
pub async fn accept(sidecar: Arc<Sidecar>, listener: TcpListener, stop: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    let mut stopping = pin!(stopped(stop.clone()));
    loop {
        tokio::select! {
            biased;
            () = stopping.as_mut() => break,
            Some(ended) = connections.join_next(), if !connections.is_empty() => sidecar.note_end(ended),
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    // Answers are small writes; without it a stream's events would wait for each other.
                    let _ = stream.set_nodelay(true);
                    let io = TokioIo::new(Socket::new(stream));
                    connections.spawn(serve(sidecar.clone(), io, stop.clone()));
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    while let Some(ended) = connections.join_next().await {
        sidecar.note_end(ended);
    }
}

/// Serves one connection to its end.
pub async fn serve<I: Inbound>(sidecar: Arc<Sidecar>, io: I, stop: watch::Receiver<bool>) {
    let activity = Arc::default();
    // What is boxed here would otherwise have a place in each connection's task for as long as it lives.
    let signs = Box::pin(signs(io.left(), stop.clone(), Arc::clone(&activity)));
    let Ok(Ok((io, h2))) = Box::pin(timeout(HEAD_TIMEOUT, Prefixed::read(io, activity))).await else {
        return;
    };
    if h2 {
        drop(signs);
        Box::pin(serve_h2(sidecar, io, stop)).await;
    } else {
        Http1::new(sidecar, io, signs).await;
    }
}

async fn serve_h2<I: Inbound>(sidecar: Arc<Sidecar>, io: Prefixed<I>, stop: watch::Receiver<bool>) {
    let service = service_fn(move |request: Request<Incoming>| {
        let sidecar = sidecar.clone();
        async move { Ok::<_, Infallible>(exchange(&sidecar, request).await) }
    });
    let connection = server::conn::http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .max_concurrent_streams(H2_STREAMS)
        .max_header_list_size(HEAD_BYTES as u32)
        .initial_stream_window_size(H2_WINDOW)
        .initial_connection_window_size(H2_WINDOW * 4)
        .max_send_buf_size(CONNECTION_BUFFER)
        .keep_alive_interval(Some(Duration::from_secs(30)))
        .auto_date_header(false)
        .serve_connection(io, service);
    let mut connection = pin!(connection);
    tokio::select! {
        biased;
        _ = connection.as_mut() => return,
        () = stopped(stop) => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}

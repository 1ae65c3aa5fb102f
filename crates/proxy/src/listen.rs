//! Step 1, listen: from a client's connection to its requests, within limits of time, head and number.
//!
//! One port takes HTTP/1.1 and HTTP/2 by prior knowledge, told apart by the first bytes. A connection is one
//! task: when it ends, for whatever reason, every call on it is dropped, and dropping is cancelling.

pub mod activity;
pub mod prefix;
pub mod socket;

use std::convert::Infallible;
use std::future::pending;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use hyper::body::Incoming;
use hyper::rt::{Read, Write};
use hyper::service::service_fn;
use hyper::{Request, server};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use self::activity::{Activity, GivenUp, Served};
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
    let left = (io.left(), io.left());
    let Ok(Ok((io, h2))) = timeout(HEAD_TIMEOUT, Prefixed::read(io)).await else {
        return;
    };
    if h2 {
        // Boxed, because every connection's task would otherwise have room for the larger of the two.
        Box::pin(serve_h2(sidecar, io, stop)).await;
    } else {
        serve_h1(sidecar, io, left, stop).await;
    }
}

async fn serve_h1<I: Inbound>(
    sidecar: Arc<Sidecar>,
    io: Prefixed<I>,
    left: (impl Future<Output = ()> + Send, impl Future<Output = ()> + Send),
    stop: watch::Receiver<bool>,
) {
    let activity = io.activity();
    let service = service_fn({
        let (sidecar, activity) = (sidecar.clone(), activity.clone());
        move |request: Request<Incoming>| {
            let (sidecar, in_call) = (sidecar.clone(), activity.begins());
            // Boxed, because hyper keeps room for this future as long as the connection lives, and it is
            // over before the answer's body flows.
            Box::pin(async move {
                let response = exchange(&sidecar, request).await;
                Ok::<_, Infallible>(response.map(|body| Served { body, in_call }))
            })
        }
    });
    let connection = server::conn::http1::Builder::new()
        // Who left is known apart from reading. Without it hyper would take another buffer during each call, only to
        // see whether the client has closed its side.
        .half_close(true)
        .header_read_timeout(None)
        .max_header_size(HEAD_BYTES)
        .max_buf_size(CONNECTION_BUFFER)
        .auto_date_header(false)
        .serve_connection(io, service);
    let mut connection = pin!(connection);
    // Looked at only when one of them has something to say, and not at every turn of the connection.
    let mut signs: FuturesUnordered<Watching<'_>> = FuturesUnordered::new();
    let (left, left_while_stopping) = left;
    signs.push(Box::pin(next_sign(left, stopped(stop), activity.clone())));
    let mut left = Some(left_while_stopping);
    loop {
        let sign = tokio::select! {
            biased;
            _ = connection.as_mut() => return,
            sign = signs.next() => sign,
        };
        match (sign, left.take()) {
            (Some(Sign::Stop), Some(left)) => {
                connection.as_mut().graceful_shutdown();
                signs.push(Box::pin(next_sign(left, pending(), activity.clone())));
            }
            (Some(Sign::GivenUp(GivenUp::SlowHead)), _) => return sidecar.metrics.slow_head(),
            _ => return,
        }
    }
}

/// What happens first; one future for all of them, because every connection has it.
async fn next_sign(left: impl Future<Output = ()>, stopped: impl Future<Output = ()>, activity: Arc<Activity>) -> Sign {
    tokio::select! {
        () = left => Sign::Left,
        () = stopped => Sign::Stop,
        why = activity.watch() => Sign::GivenUp(why),
    }
}

/// What may happen to a connection apart from its calls.
enum Sign {
    /// The client closed its sending side.
    Left,
    /// The sidecar is going away.
    Stop,
    /// Nothing useful comes.
    GivenUp(GivenUp),
}

/// A sign that is waited for.
type Watching<'a> = Pin<Box<dyn Future<Output = Sign> + Send + 'a>>;

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

//! A small server of HTTP/1.1 for those who ask about the sidecar itself: answers that are there whole, to few who ask.
//!
//! The ports of [`health`](crate::health) and [`admin`](crate::admin) are served by it. Calls are not: they are
//! [`listen`](crate::listen)'s.

use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::signals::stopped;

/// A request's head comes within this time.
const HEAD: Duration = Duration::from_secs(30);
/// Headers of a request.
const MAX_HEADERS: usize = 64;
/// Until accepting is tried again after it failed.
const PAUSE: Duration = Duration::from_millis(50);

/// What is answered to a request.
pub type Answer = Arc<dyn Fn(&Request<Incoming>) -> Response<Full<Bytes>> + Send + Sync>;

/// Answers the connections that `accept` gives, so many at once, until `stop` says so; further ones wait.
pub async fn serve<IO: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    mut accept: impl FnMut(&mut Context<'_>) -> Poll<io::Result<IO>>,
    most: usize,
    answer: Answer,
    stop: watch::Receiver<bool>,
) {
    let mut connections = JoinSet::new();
    let mut stopped = pin!(stopped(stop));
    loop {
        tokio::select! {
            () = stopped.as_mut() => return,
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            accepted = poll_fn(&mut accept), if connections.len() < most => match accepted {
                Ok(stream) => {
                    let answer = answer.clone();
                    let service = service_fn(move |request| {
                        let response = answer(&request);
                        async move { Ok::<_, Infallible>(response) }
                    });
                    let connection = http1::Builder::new()
                        .timer(TokioTimer::new())
                        .header_read_timeout(HEAD)
                        .max_headers(MAX_HEADERS)
                        .serve_connection(TokioIo::new(stream), service);
                    connections.spawn(async move { drop(connection.await) });
                }
                Err(_) => sleep(PAUSE).await,
            },
        }
    }
}

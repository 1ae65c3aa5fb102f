//! One HTTP/1.1 connection: its calls, and what may happen to it apart from them.
//!
//! A future of its own and not an `async fn`: there are as many of these as open streams, and the compiler would keep
//! in each what has been moved on.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_util::stream::{SelectAll, once, select, select_all};
use futures_util::{FutureExt, Stream, StreamExt};
use hyper::body::Incoming;
use hyper::server::conn::http1::{Builder, Connection};
use hyper::service::Service;
use hyper::{Request, Response};
use tokio::sync::watch;

use super::activity::{Activity, GivenUp, Served};
use super::prefix::Prefixed;
use super::{CONNECTION_BUFFER, HEAD_BYTES, Inbound};
use crate::exchange::exchange;
use crate::sidecar::Sidecar;
use crate::signals::stopped;

/// What may happen to a connection apart from its calls.
pub(super) enum Sign {
    /// The client closed its sending side.
    Left,
    /// The sidecar is going away.
    Stop,
    /// Nothing useful comes.
    GivenUp(GivenUp),
}

/// What happens, as it happens; one stream for all of it, because every connection has it.
pub(super) fn signs(
    left: impl Future<Output = ()>,
    stop: watch::Receiver<bool>,
    activity: Arc<Activity>,
) -> impl Stream<Item = Sign> {
    let left = once(left.map(|()| Sign::Left));
    let stopped = once(stopped(stop).map(|()| Sign::Stop));
    let given_up = once(activity.watch().map(Sign::GivenUp));
    select(left, select(stopped, given_up))
}

/// The calls of one connection.
struct Calls {
    sidecar: Arc<Sidecar>,
    activity: Arc<Activity>,
}

impl Service<Request<Incoming>> for Calls {
    type Response = Response<Served>;
    type Error = Infallible;
    /// Boxed, because hyper keeps room for this future as long as the connection lives, and it is over before the
    /// answer's body flows.
    type Future = Pin<Box<dyn Future<Output = Result<Response<Served>, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let (sidecar, in_call) = (self.sidecar.clone(), self.activity.begins());
        Box::pin(async move {
            let response = exchange(&sidecar, request).await;
            Ok(response.map(|body| Served { body, in_call }))
        })
    }
}

/// A connection until its end.
pub(super) struct Http1<I: Inbound, S> {
    sidecar: Arc<Sidecar>,
    connection: Connection<Prefixed<I>, Calls>,
    /// One stream, in a set for the set's sake: it is looked at only when it was woken, and not at every turn of the
    /// connection.
    signs: SelectAll<Pin<Box<S>>>,
}

impl<I: Inbound, S: Stream<Item = Sign>> Http1<I, S> {
    /// Begins to serve.
    pub(super) fn new(sidecar: Arc<Sidecar>, io: Prefixed<I>, signs: Pin<Box<S>>) -> Self {
        let calls = Calls { sidecar: sidecar.clone(), activity: io.activity() };
        let connection = Builder::new()
            // Who left is known apart from reading. Without it hyper would take another buffer during each call, only
            // to see whether the client has closed its side.
            .half_close(true)
            .header_read_timeout(None)
            .max_header_size(HEAD_BYTES)
            .max_buf_size(CONNECTION_BUFFER)
            .auto_date_header(false)
            .serve_connection(io, calls);
        Self { sidecar, connection, signs: select_all([signs]) }
    }
}

impl<I: Inbound, S: Stream<Item = Sign>> Future for Http1<I, S> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Self { sidecar, connection, signs } = &mut *self;
        let _turn = sidecar.telling.turn();
        loop {
            if connection.poll_unpin(cx).is_ready() {
                return Poll::Ready(());
            }
            match ready!(signs.poll_next_unpin(cx)) {
                Some(Sign::Stop) => Pin::new(&mut *connection).graceful_shutdown(),
                sign => {
                    if let Some(Sign::GivenUp(GivenUp::SlowHead)) = sign {
                        sidecar.metrics.slow_head();
                    }
                    return Poll::Ready(());
                }
            }
        }
    }
}

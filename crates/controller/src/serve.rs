//! The gRPC servers: one stream for each sidecar, and on sockets of their own what people ask about them.
//!
//! They are apart because whoever reaches the one over loopback is sent keys: nothing that leads people to the other may
//! lead them there. Each serves whatever connections it is handed, sockets or in-memory pipes, and uses tokio's time alone, so that a
//! test can pause it. Who a peer is, beyond whether it is on loopback, is not proven here.

mod admission;
mod delivery;
mod errands;
mod link;
mod rejected;
mod session;

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{Stream, StreamExt};
use sidegate_wire::v1;
use sidegate_wire::v1::control_plane_server::{ControlPlane, ControlPlaneServer};
use sidegate_wire::v1::live_server::LiveServer;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tonic::body::Body;
use tonic::codegen::{Service, http};
use tonic::transport::Server;
use tonic::{Request, Response, Status, Streaming};

use crate::control::{Control, Counters};
use crate::identity::Token;
use crate::live::{LARGEST_REQUEST, People};
use admission::Admission;
use session::Session;

pub use link::{Link, Peer, accepted};

/// A silent connection is asked after this long whether it lives.
const KEEPALIVE: Duration = Duration::from_secs(10);
/// And is dead when it says nothing for this long.
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(5);
/// Streams on one connection; a sidecar needs one.
const STREAMS: u32 = 16;
/// Bytes of one message of a sidecar: a caller with its labels, a reason, or lines of calls.
const LARGEST_MESSAGE: usize = 64 * 1024;

/// Serves sidecars on the connections of `incoming` until the control plane closes.
///
/// # Errors
/// What the transport says, when it cannot go on.
pub async fn serve_on<S, IO>(control: Arc<Control>, incoming: S) -> Result<(), tonic::transport::Error>
where
    S: Stream<Item = Link<IO>> + Send + 'static,
    IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let closing = control.closing();
    let sidecars = ControlPlaneServer::new(Sidecars { control, admission: Admission::new() })
        .max_decoding_message_size(LARGEST_MESSAGE);
    serve(sidecars, incoming, closing).await
}

/// Serves people who ask about running sidecars, on the connections of `incoming`, until the control plane closes.
///
/// # Errors
/// What the transport says, when it cannot go on.
pub async fn serve_people_on<S, IO>(control: Arc<Control>, incoming: S) -> Result<(), tonic::transport::Error>
where
    S: Stream<Item = Link<IO>> + Send + 'static,
    IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let closing = control.closing();
    let people = LiveServer::new(People::new(control)).max_decoding_message_size(LARGEST_REQUEST);
    serve(people, incoming, closing).await
}

async fn serve<V, S, IO>(
    service: V,
    incoming: S,
    mut closing: watch::Receiver<bool>,
) -> Result<(), tonic::transport::Error>
where
    V: Service<http::Request<Body>, Response = http::Response<Body>, Error = Infallible> + Clone + Send + 'static,
    V::Future: Send + 'static,
    S: Stream<Item = Link<IO>> + Send + 'static,
    IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    Server::builder()
        .http2_keepalive_interval(Some(KEEPALIVE))
        .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
        .max_concurrent_streams(STREAMS)
        .http2_max_header_list_size(16 * 1024)
        .serve_with_incoming_shutdown(service, incoming.map(Ok::<_, std::io::Error>), async move {
            // An error means that the control plane is gone, which ends it too.
            let _ = closing.wait_for(|closing| *closing).await;
        })
        .await
}

/// Answers sidecars.
struct Sidecars {
    control: Arc<Control>,
    admission: Admission,
}

#[tonic::async_trait]
impl ControlPlane for Sidecars {
    type SubscribeStream = Pin<Box<dyn Stream<Item = Result<v1::ControlMessage, Status>> + Send>>;

    async fn subscribe(
        &self,
        request: Request<Streaming<v1::SidecarMessage>>,
    ) -> Result<Response<Self::SubscribeStream>, Status> {
        let peer = request.extensions().get::<Peer>().cloned().unwrap_or_else(Peer::unknown);
        let mut closing = self.control.closing();
        let admitted = tokio::select! {
            _ = closing.wait_for(|closing| *closing) => return Err(Status::unavailable("closing")),
            admitted = self.admission.admit() => admitted,
        };
        let admitted = admitted.inspect_err(|_| Counters::raise(&self.control.counters.turned_away))?;
        let token = Token::of(request.metadata());
        let session = Session::new(self.control.clone(), peer, token, request.into_inner(), admitted);
        Ok(Response::new(Box::pin(session.into_stream())))
    }
}

/// Characters kept of what a sidecar says of itself.
const LONGEST_REASON: usize = 512;

/// What a sidecar says of itself, short and on one line.
fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(LONGEST_REASON).collect()
}

#[cfg(test)]
pub(crate) mod tests;

//! The gRPC server: one stream for each sidecar, and what people ask about them.
//!
//! It serves whatever connections it is handed, sockets or in-memory pipes, and uses tokio's time alone, so that a
//! test can pause it. Who a peer is, beyond whether it is on loopback, is not proven here.

mod admission;
mod delivery;
mod errands;
mod link;
mod rejected;
mod routes;
mod session;

use std::sync::Arc;
use std::time::Duration;

use futures_util::Stream;
use sidegate_wire::v1;
use sidegate_wire::v1::control_plane_server::{ControlPlane, ControlPlaneServer};
use sidegate_wire::v1::live_server::LiveServer;
use std::pin::Pin;
use tokio::io::{AsyncRead, AsyncWrite};
use tonic::transport::Server;
use tonic::{Request, Response, Status, Streaming};

use crate::control::{Control, Counters};
use crate::identity::Token;
use crate::live::{LARGEST_REQUEST, People};
use admission::Admission;
use routes::Routes;
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

/// Serves the connections of `incoming` until the control plane closes.
///
/// # Errors
/// What the transport says, when it cannot go on.
pub async fn serve_on<S, IO>(control: Arc<Control>, incoming: S) -> Result<(), tonic::transport::Error>
where
    S: Stream<Item = Link<IO>> + Send + 'static,
    IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    use futures_util::StreamExt;
    let mut closing = control.closing();
    let people = LiveServer::new(People::new(control.clone())).max_decoding_message_size(LARGEST_REQUEST);
    let sidecars = ControlPlaneServer::new(Sidecars { control, admission: Admission::new() })
        .max_decoding_message_size(LARGEST_MESSAGE);
    let service = Routes { sidecars, people };
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

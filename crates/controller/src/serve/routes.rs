//! Which service a request is for, by its path: sidecars and people come to the same port.

use std::convert::Infallible;
use std::task::{Context, Poll};

use sidegate_wire::v1::control_plane_server::ControlPlaneServer;
use sidegate_wire::v1::live_server::{LiveServer, SERVICE_NAME};
use tonic::body::Body;
use tonic::codegen::{BoxFuture, Service, http};

use super::Sidecars;
use crate::live::People;

/// Both services.
#[derive(Clone)]
pub(super) struct Routes {
    pub(super) sidecars: ControlPlaneServer<Sidecars>,
    pub(super) people: LiveServer<People>,
}

impl Service<http::Request<Body>> for Routes {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Self::Error>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // Neither of them ever keeps a caller waiting here.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let service = request.uri().path().split('/').nth(1);
        if service == Some(SERVICE_NAME) { self.people.call(request) } else { self.sidecars.call(request) }
    }
}

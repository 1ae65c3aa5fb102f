//! Liveness, readiness and metrics, on the one port that others than the pod itself may reach. No data.

use std::sync::Arc;
use std::task::Context;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use sidegate_telemetry::exposition::Form;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::control::status::Status;
use crate::sidecar::Sidecar;
use crate::small;

/// Connections at once; further ones wait.
const MAX_CONNECTIONS: usize = 64;

/// What the port tells about.
#[derive(Clone)]
pub struct Health {
    /// The sidecar.
    pub sidecar: Arc<Sidecar>,
    /// How it stands with the control plane.
    pub status: Arc<Status>,
}

/// Serves until `stop` says so.
pub async fn serve(health: Health, listener: TcpListener, stop: watch::Receiver<bool>) {
    let accept = move |cx: &mut Context<'_>| listener.poll_accept(cx).map_ok(|(stream, _)| stream);
    small::serve(accept, MAX_CONNECTIONS, Arc::new(move |request| health.answer(request)), stop).await;
}

impl Health {
    fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return text(StatusCode::METHOD_NOT_ALLOWED, "GET only\n");
        }
        match request.uri().path() {
            "/livez" => text(StatusCode::OK, "alive\n"),
            "/readyz" => {
                let (ready, words) = self.status.readiness();
                text(if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, words + "\n")
            }
            "/metrics" => self.metrics(request),
            _ => text(StatusCode::NOT_FOUND, "here are /livez, /readyz and /metrics\n"),
        }
    }

    /// What has been counted, in the form that the scraper prefers.
    fn metrics(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        let accept = request.headers().get(ACCEPT).and_then(|v| v.to_str().ok());
        let form = Form::accepted(accept.unwrap_or_default());
        let mut response = text(StatusCode::OK, form.write(&self.sidecar.counted()));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(form.content_type()));
        response
    }
}

fn text(status: StatusCode, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

//! The admin surface: what the sidecar did of late and how it stands, over a Unix socket that only the
//! sidecar's container mounts. Read only; no prompts, no keys.

use std::sync::Arc;
use std::task::Context;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use tokio::net::UnixListener;
use tokio::sync::watch;

use crate::health::Health;
use crate::small;

/// Connections at once; further ones wait.
const MAX_CONNECTIONS: usize = 16;

/// Serves until `stop` says so.
pub async fn serve(health: Health, listener: UnixListener, stop: watch::Receiver<bool>) {
    let accept = move |cx: &mut Context<'_>| listener.poll_accept(cx).map_ok(|(stream, _)| stream);
    small::serve(accept, MAX_CONNECTIONS, Arc::new(move |request| answer(&health, request)), stop).await;
}

fn answer(health: &Health, request: &Request<Incoming>) -> Response<Full<Bytes>> {
    let path = request.uri().path();
    let found = match path {
        "/status" => Some(health.status.to_json()),
        "/calls" => Some(health.sidecar.recent.all()),
        _ => path.strip_prefix("/calls/").and_then(|id| health.sidecar.recent.find(id)),
    };
    let (status, body) = match found {
        Some(json) => (StatusCode::OK, json),
        None => (StatusCode::NOT_FOUND, br#"{"here":["/status","/calls","/calls/{request id}"]}"#.to_vec()),
    };
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

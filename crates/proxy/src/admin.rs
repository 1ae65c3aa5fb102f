//! The admin surface: what the sidecar did of late and how it stands, over a Unix socket that only the
//! sidecar's container mounts. Read only; no prompts, no keys.

use std::convert::Infallible;
use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::UnixListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::health::Health;
use crate::signals::stopped;

/// Connections at once; further ones wait.
const MAX_CONNECTIONS: usize = 16;

/// Serves until `stop` says so.
pub async fn serve(health: Health, listener: UnixListener, stop: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    let mut stopped = pin!(stopped(stop));
    loop {
        tokio::select! {
            () = stopped.as_mut() => return,
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            accepted = listener.accept(), if connections.len() < MAX_CONNECTIONS => match accepted {
                Ok((stream, _)) => {
                    let health = health.clone();
                    let service = service_fn(move |request| {
                        let response = answer(&health, &request);
                        async move { Ok::<_, Infallible>(response) }
                    });
                    let connection = http1::Builder::new()
                        .timer(TokioTimer::new())
                        .header_read_timeout(Duration::from_secs(30))
                        .serve_connection(TokioIo::new(stream), service);
                    connections.spawn(async move { drop(connection.await) });
                }
                Err(_) => sleep(Duration::from_millis(50)).await,
            },
        }
    }
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

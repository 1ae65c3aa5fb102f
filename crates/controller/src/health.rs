//! Liveness, readiness and metrics of the control plane. No key is shown here, and no object but by its name.

use std::convert::Infallible;
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderValue;
use http::header::{ACCEPT, CONTENT_TYPE};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use sidegate_telemetry::exposition::Form;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::control::Control;
use crate::metrics;
use crate::problem::Kind;

/// Connections at once; a kubelet and a scraper need two.
const MOST: usize = 64;
/// A request's head comes within this time.
const HEAD: Duration = Duration::from_secs(5);

/// Serves until the control plane closes.
pub(crate) async fn serve(control: Arc<Control>, listener: TcpListener) {
    let mut closing = control.closing();
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            _ = closing.wait_for(|closing| *closing) => return,
            accepted = listener.accept(), if connections.len() < MOST => accepted,
            Some(_) = connections.join_next() => continue,
        };
        let Ok((io, _)) = accepted else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let control = control.clone();
        connections.spawn(async move {
            let service = service_fn(move |request| {
                let answer = answer(&control, &request);
                async move { Ok::<_, Infallible>(answer) }
            });
            let mut http = hyper::server::conn::http1::Builder::new();
            // A peer that leaves or stalls ends its own connection, and there is nothing to tell anyone.
            let _ = http
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD)
                .keep_alive(false)
                .max_buf_size(16 * 1024)
                .serve_connection(TokioIo::new(io), service)
                .await;
        });
    }
}

fn answer(control: &Control, request: &Request<Incoming>) -> Response<Full<Bytes>> {
    let (status, text) = match (request.method(), request.uri().path()) {
        (&Method::GET, "/livez") => (StatusCode::OK, "alive\n".to_owned()),
        (&Method::GET, "/readyz") => readiness(control),
        (&Method::GET, "/metrics") => return exposed(control, request),
        (&Method::GET, _) => (StatusCode::NOT_FOUND, "there is /livez, /readyz and /metrics\n".to_owned()),
        _ => (StatusCode::METHOD_NOT_ALLOWED, "only GET\n".to_owned()),
    };
    response(status, "text/plain; charset=utf-8", text)
}

/// The metrics in the form that the scraper prefers.
fn exposed(control: &Control, request: &Request<Incoming>) -> Response<Full<Bytes>> {
    let accept = request.headers().get(ACCEPT).and_then(|v| v.to_str().ok());
    let form = Form::accepted(accept.unwrap_or_default());
    response(StatusCode::OK, form.content_type(), form.write(&metrics::read(control)))
}

fn response(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

fn readiness(control: &Control) -> (StatusCode, String) {
    if *control.closing().borrow() {
        return (StatusCode::SERVICE_UNAVAILABLE, "not ready: closing\n".to_owned());
    }
    if !*control.readiness().borrow() {
        let missing: Vec<&str> = control.watches.unanswered().into_iter().collect();
        return (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: waiting for {}\n", words(&missing)));
    }
    let (providers, policies) = (control.count(Kind::AiProvider), control.count(Kind::AiPolicy));
    let (sidecars, problems) = (control.roster.count(), control.problems().len());
    let mut words =
        format!("ready: {providers} providers, {policies} policies, {sidecars} sidecars, {problems} problems\n");
    for kind in control.watches.report() {
        let state = kind.trouble.unwrap_or("current");
        // Writing to a String cannot fail.
        let _ = writeln!(words, "{}: {} known, heard {} s ago, {state}", kind.kind, kind.objects, kind.age.as_secs());
    }
    (StatusCode::OK, words)
}

/// Names in a row; without any it is the epoch that is waited for.
fn words(names: &[&str]) -> String {
    if names.is_empty() { "the epoch".to_owned() } else { names.join(", ") }
}

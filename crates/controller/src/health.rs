//! Liveness, readiness and metrics of the control plane. No object and no key is shown here.

use std::convert::Infallible;
use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::control::{Control, Counters, KindReport};
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
        (&Method::GET, "/metrics") => (StatusCode::OK, metrics(control)),
        (&Method::GET, _) => (StatusCode::NOT_FOUND, "there is /livez, /readyz and /metrics\n".to_owned()),
        _ => (StatusCode::METHOD_NOT_ALLOWED, "only GET\n".to_owned()),
    };
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    let kind = http::HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(http::header::CONTENT_TYPE, kind);
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

/// How the watches of a cluster stand; nothing from files.
fn watches(control: &Control, metric: &mut Metric<'_>) {
    let report = control.watches.report();
    if report.is_empty() {
        return;
    }
    let mut each = |name: &str, kind: &str, help: &str, value: &dyn Fn(&KindReport) -> u64| {
        let values: Vec<(String, u64)> =
            report.iter().map(|of| (format!("{{kind=\"{}\"}}", of.kind), value(of))).collect();
        let values: Vec<(&str, u64)> = values.iter().map(|(labels, value)| (labels.as_str(), *value)).collect();
        metric(name, kind, help, &values);
    };
    each("watch_up", "gauge", "Whether the watches of a kind are current.", &|of| u64::from(of.trouble.is_none()));
    let age = "Seconds since a watch of a kind was heard last.";
    each("watch_age_seconds", "gauge", age, &|of| of.age.as_secs());
    each("watch_objects", "gauge", "Objects that the watches of a kind know.", &|of| of.objects as u64);
    each("watch_lists_total", "counter", "Whole lists of a kind.", &|of| of.lists);
    each("watch_failures_total", "counter", "Failures of the watches of a kind.", &|of| of.failures);
    let undecodable: Vec<(String, u64)> = report
        .iter()
        .flat_map(|of| &of.undecodable)
        .map(|o| (format!("{{kind=\"{}\",namespace=\"{}\",name=\"{}\"}}", o.kind.as_str(), o.namespace, o.name), 1))
        .collect();
    let undecodable: Vec<(&str, u64)> = undecodable.iter().map(|(labels, value)| (labels.as_str(), *value)).collect();
    metric("object_undecodable", "gauge", "Objects that do not decode; their last good version stays.", &undecodable);
}

/// Writes one metric: name, type, help, and values by labels.
type Metric<'a> = dyn FnMut(&str, &str, &str, &[(&str, u64)]) + 'a;

fn metrics(control: &Control) -> String {
    let mut text = String::new();
    let counters = &control.counters;
    let mut metric = |name: &str, kind: &str, help: &str, values: &[(&str, u64)]| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "# HELP sidegate_control_{name} {help}\n# TYPE sidegate_control_{name} {kind}");
        for (labels, value) in values {
            let _ = writeln!(text, "sidegate_control_{name}{labels} {value}");
        }
    };
    let count = |n: usize| n as u64;
    metric("streams", "gauge", "Sidecars connected.", &[("", count(control.roster.count()))]);
    let pushes = [
        ("{subject=\"policy\"}", Counters::read(&counters.policies)),
        ("{subject=\"credentials\"}", Counters::read(&counters.credentials)),
    ];
    metric("pushes_total", "counter", "Messages pushed to sidecars.", &pushes);
    metric("acks_total", "counter", "Messages that sidecars took.", &[("", Counters::read(&counters.acks))]);
    metric("nacks_total", "counter", "Messages that sidecars refused.", &[("", Counters::read(&counters.nacks))]);
    let turned_away = [("", Counters::read(&counters.turned_away))];
    metric("streams_turned_away_total", "counter", "Streams told to come back later.", &turned_away);
    let withheld = [("", Counters::read(&counters.withheld))];
    metric("credentials_withheld_total", "counter", "Keys not sent to peers beyond loopback.", &withheld);
    let dropped = [("", control.changes.dropped())];
    metric("audit_dropped_total", "counter", "Audit lines that were not written.", &dropped);
    let objects = Kind::ALL.map(|kind| (format!("{{kind=\"{}\"}}", kind.as_str()), count(control.count(kind))));
    let objects = objects.each_ref().map(|(labels, n)| (labels.as_str(), *n));
    metric("objects", "gauge", "Objects in force.", &objects);
    metric("problems", "gauge", "Problems of objects.", &[("", count(control.problems().len()))]);
    if control.reviewer.is_some() {
        let writer = u64::from(control.writes_status.load(Ordering::Relaxed));
        metric("status_writer", "gauge", "1 on the replica that writes statuses.", &[("", writer)]);
        let writes = [
            ("{result=\"written\"}", Counters::read(&counters.statuses)),
            ("{result=\"failed\"}", Counters::read(&counters.statuses_failed)),
        ];
        metric("status_writes_total", "counter", "Statuses written, and those that were not taken.", &writes);
    }
    watches(control, &mut metric);
    text
}

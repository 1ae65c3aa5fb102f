//! An API server in memory, as far as a writer of statuses needs one.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use kube::client::Body;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use tonic::codegen::Service;

/// What it does with the next request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mood {
    /// It takes it.
    Takes,
    /// It answers with this status.
    Refuses(u16),
    /// It never answers.
    Hangs,
}

/// One request for a status.
#[derive(Debug, Clone)]
pub(super) struct Write {
    pub(super) at: Instant,
    pub(super) path: String,
    pub(super) body: Value,
}

/// The server.
#[derive(Clone)]
pub(super) struct Server(Arc<Mutex<State>>);

struct State {
    /// What it does with the requests to come, then with all others.
    next: VecDeque<Mood>,
    mood: Mood,
    writes: Vec<Write>,
    events: Vec<String>,
    version: u64,
}

type Answer = std::pin::Pin<Box<dyn Future<Output = Result<Response<Full<Bytes>>, Infallible>> + Send>>;

impl Service<Request<Body>> for Server {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Answer;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Answer {
        let server = self.clone();
        Box::pin(async move {
            let (head, body) = request.into_parts();
            let body = serde_json::from_slice(&whole(body).await).unwrap();
            let (code, answer) = match server.mood(head.uri.path(), body) {
                Some(answer) => answer,
                None => {
                    sleep(Duration::from_secs(1_000_000)).await;
                    (500, Value::Null)
                }
            };
            Ok(Response::builder().status(code).body(Full::new(Bytes::from(answer.to_string()))).unwrap())
        })
    }
}

#[expect(clippy::disallowed_methods, reason = "it is capped")]
async fn whole(body: Body) -> Bytes {
    BodyExt::collect(Limited::new(body, 65_536)).await.map(|b| b.to_bytes()).unwrap_or_default()
}

impl Server {
    /// One that takes everything.
    pub(super) fn new() -> Self {
        let (next, writes, events) = (VecDeque::new(), Vec::new(), Vec::new());
        Self(Arc::new(Mutex::new(State { next, mood: Mood::Takes, writes, events, version: 100 })))
    }

    /// What it does from now on.
    pub(super) fn set(&self, mood: Mood) {
        self.0.lock().unwrap().mood = mood;
    }

    /// What it does with the next request for a status, before all others.
    pub(super) fn once(&self, mood: Mood) {
        self.0.lock().unwrap().next.push_back(mood);
    }

    /// Every request for a status so far.
    pub(super) fn writes(&self) -> Vec<Write> {
        self.0.lock().unwrap().writes.clone()
    }

    /// The reasons of the events so far.
    pub(super) fn events(&self) -> Vec<String> {
        self.0.lock().unwrap().events.clone()
    }

    fn mood(&self, path: &str, body: Value) -> Option<(u16, Value)> {
        let mut state = self.0.lock().unwrap();
        if path.contains("/events") {
            state.events.push(body["reason"].as_str().unwrap_or_default().to_owned());
            return Some((201, body));
        }
        state.writes.push(Write { at: Instant::now(), path: path.to_owned(), body: body.clone() });
        match state.next.pop_front().unwrap_or(state.mood) {
            Mood::Hangs => None,
            Mood::Refuses(code) => {
                let words = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code,
                                   "reason": "", "message": "no"});
                Some((code, words))
            }
            Mood::Takes => {
                let seen = body["metadata"]["resourceVersion"].as_str().and_then(|v| v.parse().ok()).unwrap_or(0);
                state.version = state.version.max(seen) + 1;
                let mut object = body;
                object["metadata"]["resourceVersion"] = json!(state.version.to_string());
                object["metadata"]["generation"] = object["status"]["observedGeneration"].clone();
                Some((200, object))
            }
        }
    }
}

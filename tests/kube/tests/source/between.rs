//! Something between the controller and the API server that makes trouble on demand: it passes requests on as they are,
//! or answers in the server's place, or lets go of every connection.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};
use sidegate_kube::ApiServer;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::sleep;

type Answer = Response<UnsyncBoxBody<Bytes, std::io::Error>>;

/// What it does with requests whose line holds a text, so many times.
struct Rule {
    holds: &'static str,
    times: usize,
    answer: Option<(u16, Value)>,
    delay: Duration,
}

#[derive(Default)]
struct State {
    rules: Vec<Rule>,
    requests: Vec<String>,
    connections: JoinSet<()>,
    lists: usize,
    most_lists: usize,
}

/// The thing between.
pub struct Between {
    pub at: SocketAddr,
    state: Arc<Mutex<State>>,
    _tasks: JoinSet<()>,
}

impl Between {
    /// One before `server`. Whoever comes is who it says it is to the server too.
    pub async fn start(server: &ApiServer) -> Self {
        let mut config = server.config("");
        config.auth_info.token = None;
        config.default_retry = false;
        let upstream = Client::try_from(config).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (at, state) = (listener.local_addr().unwrap(), Arc::<Mutex<State>>::default());
        let mut tasks = JoinSet::new();
        let shared = state.clone();
        tasks.spawn(async move {
            while let Ok((io, _)) = listener.accept().await {
                let (state, upstream) = (shared.clone(), upstream.clone());
                let service = service_fn(move |request| {
                    let (state, upstream) = (state.clone(), upstream.clone());
                    async move { Ok::<_, Infallible>(pass(&state, &upstream, request).await) }
                });
                shared.lock().unwrap().connections.spawn(async move {
                    let _ =
                        hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(io), service).await;
                });
            }
        });
        Self { at, state, _tasks: tasks }
    }

    /// The next `times` requests whose line holds `holds` are answered with a status of the API's.
    pub fn answer(&self, holds: &'static str, times: usize, code: u16, reason: &str) {
        let mut body = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason,
            "message": format!("made up: {reason}")});
        if code == 429 {
            body["details"] = json!({"retryAfterSeconds": 1});
        }
        let rule = Rule { holds, times, answer: Some((code, body)), delay: Duration::ZERO };
        self.state.lock().unwrap().rules.push(rule);
    }

    /// The next `times` requests whose line holds `holds` take so much longer.
    pub fn delay(&self, holds: &'static str, times: usize, delay: Duration) {
        self.state.lock().unwrap().rules.push(Rule { holds, times, answer: None, delay });
    }

    /// Lets go of every connection.
    pub fn cut(&self) {
        self.state.lock().unwrap().connections.abort_all();
    }

    /// Requests whose line holds `part`.
    pub fn requests(&self, part: &str) -> usize {
        self.state.lock().unwrap().requests.iter().filter(|line| line.contains(part)).count()
    }

    /// Answers that are still owed.
    pub fn owed(&self) -> usize {
        self.state.lock().unwrap().rules.iter().map(|rule| rule.times).sum()
    }

    pub fn most_lists_at_once(&self) -> usize {
        self.state.lock().unwrap().most_lists
    }
}

async fn pass(state: &Mutex<State>, upstream: &Client, request: Request<Incoming>) -> Answer {
    let line = format!("{} {}", request.method(), request.uri());
    let is_list = line.contains("sendInitialEvents");
    let (answer, delay) = {
        let mut state = state.lock().unwrap();
        let rule = state.rules.iter_mut().find(|rule| rule.times > 0 && line.contains(rule.holds));
        let act = rule.map(|rule| {
            rule.times -= 1;
            (rule.answer.clone(), rule.delay)
        });
        state.requests.push(line);
        if is_list {
            state.lists += 1;
            state.most_lists = state.most_lists.max(state.lists);
        }
        act.unwrap_or_default()
    };
    sleep(delay).await;
    let answered = match answer {
        Some((code, body)) => made_up(code, &body),
        None => forward(upstream, request).await,
    };
    if is_list {
        state.lock().unwrap().lists -= 1;
    }
    answered
}

async fn forward(upstream: &Client, request: Request<Incoming>) -> Answer {
    let (head, body) = request.into_parts();
    #[expect(clippy::disallowed_methods, reason = "it is capped")]
    let body = Limited::new(body, 1 << 20).collect().await.unwrap().to_bytes();
    match upstream.send(Request::from_parts(head, Body::from(body.to_vec()))).await {
        Ok(response) => response.map(|body| body.map_err(std::io::Error::other).boxed_unsync()),
        Err(error) => made_up(502, &json!({"kind": "Status", "code": 502, "message": error.to_string()})),
    }
}

fn made_up(code: u16, body: &Value) -> Answer {
    let body = Full::new(Bytes::from(body.to_string())).map_err(|never| match never {}).boxed_unsync();
    let mut response = Response::new(body);
    *response.status_mut() = code.try_into().unwrap();
    response
}

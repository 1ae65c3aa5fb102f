//! A client that talks to a simulator through an in-memory pipe.

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use sidegate_testkit::sim::Simulator;
use tokio::task::JoinSet;

/// A head and a body that has arrived in full, or as far as it came.
pub struct Heard {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// Whether the body came to its proper end.
    pub ended: bool,
}

impl Heard {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The `data:` of every event, parsed where it is JSON.
    pub fn events(&self) -> Vec<Value> {
        let text = self.text();
        let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
        data.map(|data| serde_json::from_str(data).unwrap_or(Value::String(data.into()))).collect()
    }
}

/// A request under construction.
pub struct Ask {
    pub request: Request<Full<Bytes>>,
}

pub fn post(path: &str, body: &Value) -> Ask {
    ask(Method::POST, path, body.to_string())
}

pub fn get(path: &str) -> Ask {
    ask(Method::GET, path, String::new())
}

pub fn ask(method: Method, path: &str, body: String) -> Ask {
    let request = Request::builder().method(method).uri(path).header("host", "sim");
    Ask { request: request.body(Full::from(body)).expect("a request") }
}

impl Ask {
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        let value = value.parse().expect("a header value");
        self.request.headers_mut().append(name, value);
        self
    }
}

/// A connection to the simulator. Dropped, both ends are gone.
pub struct Line {
    _tasks: JoinSet<()>,
    pub sender: SendRequest<Full<Bytes>>,
}

pub async fn connect(sim: &Simulator) -> Line {
    let (near, far) = tokio::io::duplex(64 << 10);
    let mut tasks = JoinSet::new();
    tasks.spawn(sim.serve_connection(far));
    let (sender, connection) = http1::handshake(TokioIo::new(near)).await.expect("a handshake");
    tasks.spawn(async move { drop(connection.await) });
    Line { _tasks: tasks, sender }
}

impl Line {
    pub async fn head(&mut self, ask: Ask) -> http::Response<Incoming> {
        self.sender.send_request(ask.request).await.expect("an answer")
    }

    pub async fn talk(&mut self, ask: Ask) -> Heard {
        let response = self.head(ask).await;
        let (head, mut body) = response.into_parts();
        let mut all = Vec::new();
        let mut ended = true;
        while let Some(frame) = body.frame().await {
            match frame {
                Ok(frame) => all.extend_from_slice(&frame.into_data().unwrap_or_default()),
                Err(_) => {
                    ended = false;
                    break;
                }
            }
        }
        Heard { status: head.status, headers: head.headers, body: all.into(), ended }
    }
}

/// One request over a connection of its own.
pub async fn talk(sim: &Simulator, ask: Ask) -> Heard {
    connect(sim).await.talk(ask).await
}

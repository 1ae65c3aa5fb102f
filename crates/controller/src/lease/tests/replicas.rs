//! Replicas on one lease.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use kube::Client;
use kube::client::Body;
use rand::SeedableRng;
use rand::rngs::SmallRng;
use serde_json::{Value, json};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, advance, sleep};
use tonic::codegen::Service;

use crate::lease::{Candidate, Keeper, Pace, Term};

/// An API server that knows one lease, and what `resourceVersion` means.
#[derive(Clone, Default)]
struct Server(Arc<Mutex<Stored>>);

#[derive(Default)]
struct Stored {
    lease: Option<Value>,
    version: u64,
}

/// One replica's way to it, which can be cut.
#[derive(Clone)]
struct Wire {
    server: Server,
    cut: watch::Receiver<bool>,
}

type Answered = std::pin::Pin<Box<dyn Future<Output = Result<Response<Full<Bytes>>, Infallible>> + Send>>;

impl Service<Request<Body>> for Wire {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Answered;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Answered {
        let mut wire = self.clone();
        Box::pin(async move {
            // What is sent while the way is cut arrives when it is whole again.
            let _ = wire.cut.wait_for(|cut| !cut).await;
            let (head, body) = request.into_parts();
            let sent = whole(body).await;
            Ok(wire.server.answer(&head.method, &sent))
        })
    }
}

#[expect(clippy::disallowed_methods, reason = "it is capped")]
async fn whole(body: Body) -> Bytes {
    BodyExt::collect(Limited::new(body, 65_536)).await.map(|b| b.to_bytes()).unwrap_or_default()
}

impl Server {
    fn answer(&self, method: &Method, sent: &[u8]) -> Response<Full<Bytes>> {
        let mut stored = self.0.lock().unwrap();
        let failure = |code: u16| {
            let reason = if code == 404 { "NotFound" } else { "Conflict" };
            (code, json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "code": code}))
        };
        let known = stored.lease.as_ref().map(|l| l["metadata"]["resourceVersion"].clone());
        let (code, answer) = match (method, serde_json::from_slice::<Value>(sent)) {
            (&Method::GET, _) => stored.lease.clone().map_or_else(|| failure(404), |lease| (200, lease)),
            (&Method::POST, Ok(_)) if known.is_some() => failure(409),
            (&Method::PUT, Ok(lease)) if known.as_ref() != Some(&lease["metadata"]["resourceVersion"]) => failure(409),
            (_, Ok(mut lease)) => {
                stored.version += 1;
                lease["metadata"]["resourceVersion"] = json!(stored.version.to_string());
                stored.lease = Some(lease.clone());
                (200, lease)
            }
            (_, Err(_)) => failure(400),
        };
        let body = Full::new(Bytes::from(answer.to_string()));
        Response::builder().status(code).body(body).unwrap()
    }

    fn holder(&self) -> Value {
        self.0.lock().unwrap().lease.as_ref().map(|l| l["spec"]["holderIdentity"].clone()).unwrap_or_default()
    }
}

/// A replica, which ends with this.
struct Replica {
    terms: watch::Receiver<Option<Term>>,
    cut: watch::Sender<bool>,
    over: Option<oneshot::Sender<()>>,
    _task: JoinSet<()>,
}

impl Replica {
    fn start(server: &Server, identity: &str) -> Self {
        let cut = watch::Sender::new(false);
        let wire = Wire { server: server.clone(), cut: cut.subscribe() };
        let candidate = Candidate {
            namespace: "sidegate-system".into(),
            name: "sidegate-controller-write",
            identity: identity.into(),
            pace: Pace::DEFAULT,
        };
        let clock = Arc::new(|| jiff::Timestamp::UNIX_EPOCH + std::time::Duration::from_secs(1));
        let chance = SmallRng::seed_from_u64(identity.len() as u64);
        let keeper = Keeper::new(Client::new(wire, "default"), candidate, clock, chance);
        let (terms, (over, ended)) = (keeper.terms(), oneshot::channel());
        let mut task = JoinSet::new();
        task.spawn(keeper.keep(async {
            let _ = ended.await;
        }));
        Self { terms, cut, over: Some(over), _task: task }
    }

    fn writes(&self) -> bool {
        self.terms.borrow().is_some_and(|term| term.allows(Instant::now()))
    }

    fn term(&self) -> i32 {
        self.terms.borrow().map_or(-1, |term| term.number)
    }
}

/// Lets `seconds` pass, a tenth of a second at a time, and checks at each that at most one writes.
async fn pass(seconds: u64, replicas: &[&Replica]) {
    for _ in 0..seconds * 10 {
        sleep(Duration::from_millis(100)).await;
        assert!(replicas.iter().filter(|r| r.writes()).count() <= 1, "two write at once");
    }
}

#[tokio::test(start_paused = true)]
async fn of_two_replicas_exactly_one_writes() {
    let server = Server::default();
    let (a, b) = (Replica::start(&server, "a"), Replica::start(&server, "bb"));
    pass(5, &[&a, &b]).await;
    for _ in 0..120 {
        pass(1, &[&a, &b]).await;
        assert!(a.writes() || b.writes(), "one always does");
    }
    assert_eq!(a.term().max(b.term()), 0, "nobody took it from anybody");
}

#[tokio::test(start_paused = true)]
async fn the_other_takes_over_when_the_holder_dies_and_not_before_its_lease_has_ended() {
    let server = Server::default();
    let a = Replica::start(&server, "a");
    pass(5, &[&a]).await;
    let b = Replica::start(&server, "bb");
    pass(5, &[&a, &b]).await;
    drop(a);
    pass(17, &[&b]).await;
    assert!(!b.writes());
    pass(16, &[&b]).await;
    assert!(b.writes());
    assert_eq!(b.term(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_lease_given_back_at_shutdown_is_taken_within_seconds() {
    let server = Server::default();
    let mut a = Replica::start(&server, "a");
    pass(5, &[&a]).await;
    let b = Replica::start(&server, "bb");
    pass(5, &[&a, &b]).await;
    let _ = a.over.take().unwrap().send(());
    pass(3, &[&a, &b]).await;
    assert!(b.writes() && !a.writes());
    assert_eq!(server.holder(), "bb");
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_cannot_reach_the_api_server_stops_before_the_other_begins() {
    let server = Server::default();
    let a = Replica::start(&server, "a");
    pass(5, &[&a]).await;
    let b = Replica::start(&server, "bb");
    pass(12, &[&a, &b]).await;
    a.cut.send_replace(true);
    pass(10, &[&a, &b]).await;
    pass(30, &[&a, &b]).await;
    assert!(b.writes() && !a.writes());
    a.cut.send_replace(false);
    pass(60, &[&a, &b]).await;
    assert!(b.writes() && !a.writes(), "what it had sent is refused: the lease has changed since");
    assert_eq!((a.term(), b.term()), (-1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_was_paused_for_a_minute_writes_nothing_when_it_goes_on() {
    let server = Server::default();
    let a = Replica::start(&server, "a");
    pass(5, &[&a]).await;
    // Nothing of the process runs while its monotonic clock does.
    advance(Duration::from_secs(60)).await;
    assert!(!a.writes(), "known without asking anybody");
    assert_eq!(a.term(), 0, "though it does not know yet what happened meanwhile");
    let b = Replica::start(&server, "bb");
    pass(60, &[&a, &b]).await;
    assert!(a.writes() || b.writes());
}

#[tokio::test(start_paused = true)]
async fn a_deleted_lease_is_made_anew_with_a_higher_number_and_one_writes() {
    let server = Server::default();
    let a = Replica::start(&server, "a");
    pass(5, &[&a]).await;
    let b = Replica::start(&server, "bb");
    pass(5, &[&a, &b]).await;
    server.0.lock().unwrap().lease = None;
    pass(60, &[&a, &b]).await;
    assert!(a.writes() || b.writes());
    assert!(a.term().max(b.term()) >= 1);
}

#[tokio::test(start_paused = true)]
async fn a_label_that_somebody_puts_on_the_lease_changes_nothing() {
    let server = Server::default();
    let a = Replica::start(&server, "a");
    pass(5, &[&a]).await;
    let b = Replica::start(&server, "bb");
    for label in 0..600 {
        pass(1, &[&a, &b]).await;
        let mut stored = server.0.lock().unwrap();
        stored.version += 1;
        let version = json!(stored.version.to_string());
        let lease = stored.lease.as_mut().unwrap();
        lease["metadata"]["resourceVersion"] = version;
        lease["metadata"]["labels"] = json!({"n": label.to_string()});
        assert!(a.writes(), "after {label} s");
    }
    assert_eq!(a.term(), 0);
}

//! Who may ask about running sidecars: how many at once, how often each, and for how long after a right is gone.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::stream;
use hyper_util::rt::TokioIo;
use serde_json::json;
use sidegate_controller::serve::serve_people_on;
use sidegate_controller::{Link, Peer};
use sidegate_wire::v1;
use sidegate_wire::v1::live_client::LiveClient;
use tokio::io::DuplexStream;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status, Streaming};

use crate::stage::Stage;

/// The controller's port for people.
struct Desk {
    stage: Stage,
    connect: mpsc::UnboundedSender<Link<DuplexStream>>,
    _tasks: JoinSet<()>,
}

impl Desk {
    /// With two people who may look, `reader` and `other`, and one who may not, `stranger`; each shows their name.
    async fn ready() -> Self {
        let stage = Stage::ready().await;
        let (connect, incoming) = mpsc::unbounded_channel();
        let incoming = stream::unfold(incoming, |mut incoming| async move { Some((incoming.recv().await?, incoming)) });
        let (mut tasks, control) = (JoinSet::new(), stage.control.clone());
        tasks.spawn(async move { serve_people_on(control, incoming).await.unwrap() });
        for name in ["reader", "other", "stranger"] {
            stage.api.token(name, json!({"authenticated": true, "user": {"username": name}}));
            stage.api.allow(name, name != "stranger");
        }
        Self { stage, connect, _tasks: tasks }
    }

    async fn person(&self) -> LiveClient<Channel> {
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        assert!(self.connect.send(Link::new(theirs, Peer::in_process())).is_ok());
        let once = Arc::new(Mutex::new(Some(ours)));
        let connector = tower::service_fn(move |_: http::Uri| {
            let io = once.lock().unwrap().take().map(TokioIo::new);
            async move { io.ok_or_else(|| std::io::Error::other("used up")) }
        });
        LiveClient::new(Endpoint::from_static("http://people").connect_with_connector(connector).await.unwrap())
    }

    async fn tap(&self, token: &str) -> Result<Streaming<v1::TapEvent>, Status> {
        self.person().await.tap(asked(token)).await.map(tonic::Response::into_inner)
    }
}

/// A question about the calls of `shop`, with that token.
fn asked(token: &str) -> Request<v1::TapRequest> {
    let scope = Some(v1::Scope { namespace: "shop".to_owned(), all_namespaces: false });
    let mut request = Request::new(v1::TapRequest { scope, ..v1::TapRequest::default() });
    request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    request
}

#[tokio::test(start_paused = true)]
async fn a_crowd_of_nobodies_keeps_nobody_out() {
    let desk = Desk::ready().await;
    desk.stage.api.faults(|faults| faults.slow_reviews = Duration::from_millis(50));
    let mut crowd = JoinSet::new();
    for n in 0..200 {
        let mut person = desk.person().await;
        crowd.spawn(async move { person.tap(asked(&format!("nobody-{n}"))).await.unwrap_err().code() });
    }
    sleep(Duration::from_millis(10)).await;
    let began = Instant::now();
    let mut tap = desk.tap("reader").await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert!(tap.message().await.unwrap().is_some());
    let codes = crowd.join_all().await;
    assert!(codes.iter().all(|code| *code == Code::Unauthenticated), "{codes:?}");
}

#[tokio::test(start_paused = true)]
async fn one_user_takes_four_places_and_no_more() {
    let desk = Desk::ready().await;
    let mut taps = Vec::new();
    for _ in 0..4 {
        taps.push(desk.tap("reader").await.unwrap());
    }
    let refused = desk.tap("reader").await.unwrap_err();
    assert_eq!(refused.code(), Code::ResourceExhausted);
    assert!(refused.message().contains("\"reader\" run tap already"), "{refused}");
    desk.tap("other").await.unwrap();
    assert_eq!(desk.tap("stranger").await.unwrap_err().code(), Code::PermissionDenied);
    taps.pop();
    sleep(Duration::from_secs(1)).await;
    desk.tap("reader").await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn who_loses_the_right_sees_no_more_within_half_a_minute_and_not_while_nobody_can_say() {
    let desk = Desk::ready().await;
    let mut tap = desk.tap("reader").await.unwrap();
    desk.stage.api.faults(|faults| faults.down = true);
    sleep(Duration::from_secs(90)).await;
    assert!(tap.message().await.unwrap().is_some(), "it was told of how many sidecars at the beginning");
    desk.stage.api.faults(|faults| faults.down = false);
    desk.stage.api.allow("reader", false);
    let began = Instant::now();
    let ended = loop {
        match tap.message().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("it ends with its reason"),
            Err(status) => break status,
        }
    };
    assert!(began.elapsed() <= Duration::from_secs(30), "{:?}", began.elapsed());
    assert_eq!(ended.code(), Code::PermissionDenied);
    assert!(ended.message().contains("may not get pods/sidegate in namespace shop"), "{ended}");
}

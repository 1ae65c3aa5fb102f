//! Who a sidecar is: what its token proves, for how long, and what happens while nobody can tell.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::stream;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use sidegate_controller::serve::serve_on;
use sidegate_controller::{Link, Peer};
use sidegate_wire::v1;
use sidegate_wire::v1::control_message::Message as Down;
use sidegate_wire::v1::control_plane_client::ControlPlaneClient;
use sidegate_wire::v1::sidecar_message::Message as Up;
use tokio::io::DuplexStream;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tonic::transport::Endpoint;
use tonic::{Code, Request, Status, Streaming};

use crate::stage::{HOME, Stage, full, pod, policy};

/// The controller's streams.
struct Desk {
    stage: Stage,
    connect: mpsc::UnboundedSender<Link<DuplexStream>>,
    _tasks: JoinSet<()>,
}

/// What a sidecar hears.
struct Heard(Streaming<v1::ControlMessage>, #[expect(dead_code, reason = "it keeps the stream")] mpsc::Sender<()>);

impl Desk {
    async fn ready() -> Self {
        Self::over(Stage::ready().await)
    }

    fn over(stage: Stage) -> Self {
        let (connect, incoming) = mpsc::unbounded_channel();
        let incoming = stream::unfold(incoming, |mut incoming| async move { Some((incoming.recv().await?, incoming)) });
        let mut tasks = JoinSet::new();
        let control = stage.control.clone();
        tasks.spawn(async move { serve_on(control, incoming).await.unwrap() });
        stage.api.token("good", review("web-1", "uid-web-1", &json!(["sidegate"])));
        Self { stage, connect, _tasks: tasks }
    }

    /// A stream that shows `token`, and says that it is a pod of another namespace.
    async fn stream(&self, token: Option<&str>) -> Result<Heard, Status> {
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        assert!(self.connect.send(Link::new(theirs, Peer::in_process())).is_ok());
        let once = Arc::new(Mutex::new(Some(ours)));
        let connector = tower::service_fn(move |_: http::Uri| {
            let io = once.lock().unwrap().take().map(TokioIo::new);
            async move { io.ok_or_else(|| std::io::Error::other("used up")) }
        });
        let channel = Endpoint::from_static("http://control-plane").connect_with_connector(connector).await.unwrap();
        let caller = v1::Caller { namespace: HOME.into(), pod: "admin".into(), ..v1::Caller::default() };
        let hello = v1::Hello { caller: Some(caller), ..v1::Hello::default() };
        let hello = v1::SidecarMessage { message: Some(Up::Hello(hello)) };
        let (keep, kept) = mpsc::channel(1);
        let up = stream::unfold((Some(hello), kept), |(hello, mut kept)| async move {
            match hello {
                Some(hello) => Some((hello, (None, kept))),
                None => kept.recv().await.map(|()| (v1::SidecarMessage::default(), (None, kept))),
            }
        });
        let mut request = Request::new(up);
        if let Some(token) = token {
            request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
        }
        Ok(Heard(ControlPlaneClient::new(channel).subscribe(request).await?.into_inner(), keep))
    }

    /// What such a stream hears first.
    async fn first(&self, token: Option<&str>) -> Result<Heard, Status> {
        let mut heard = self.stream(token).await?;
        heard.next().await?;
        Ok(heard)
    }

    async fn refusal(&self, token: Option<&str>) -> Status {
        match self.first(token).await {
            Err(status) => status,
            Ok(_) => panic!("{token:?} was let in"),
        }
    }

    fn reviews(&self) -> usize {
        self.stage.api.requests("tokenreviews")
    }
}

impl Heard {
    async fn next(&mut self) -> Result<Down, Status> {
        let message = timeout(Duration::from_secs(120), self.0.message()).await.expect("something within two minutes");
        Ok(message?.and_then(|message| message.message).expect("a message"))
    }

    async fn routes(&mut self) -> Vec<String> {
        loop {
            if let Down::Policy(policy) = self.next().await.unwrap() {
                let snapshot = sidegate_wire::decode_snapshot(&policy.version, &policy.snapshot).unwrap();
                return snapshot.routes.iter().map(|route| route.name.to_string()).collect();
            }
        }
    }
}

/// What a server says of a token that is bound to a pod of `shop`.
fn review(pod: &str, uid: &str, audiences: &Value) -> Value {
    let extra = json!({"authentication.kubernetes.io/pod-name": [pod], "authentication.kubernetes.io/pod-uid": [uid]});
    let user = json!({"username": "system:serviceaccount:shop:web", "extra": extra});
    json!({"authenticated": true, "audiences": audiences, "user": user})
}

#[tokio::test(start_paused = true)]
async fn the_token_says_whose_pod_it_is_and_what_the_sidecar_says_counts_for_nothing() {
    let desk = Desk::ready().await;
    let mut heard = desk.stream(Some("good")).await.unwrap();
    assert_eq!(heard.routes().await, ["fast"], "the policy of shop");
    let seated = desk.stage.control.sidecars();
    assert_eq!((&*seated[0].caller.namespace, &*seated[0].caller.pod, &*seated[0].uid), ("shop", "web-1", "uid-web-1"));
    assert_eq!(&*seated[0].caller.service_account, "web");
}

#[tokio::test(start_paused = true)]
async fn a_token_that_proves_no_pod_of_ours_is_refused_and_not_told() {
    let desk = Desk::ready().await;
    let api = &desk.stage.api;
    let mut unbound = review("web-1", "uid-web-1", &json!(["sidegate"]));
    unbound["user"]["extra"] = json!({});
    let mut person = review("web-1", "uid-web-1", &json!(["sidegate"]));
    person["user"]["username"] = json!("alice");
    let mut other = review("web-1", "uid-web-1", &json!(["sidegate"]));
    other["user"]["username"] = json!("system:serviceaccount:shop:other");
    api.token("canary-audience", review("web-1", "uid-web-1", &json!(["https://kubernetes.default.svc"])));
    api.token("canary-no-audience", review("web-1", "uid-web-1", &Value::Null));
    api.token("canary-unbound", unbound);
    api.token("canary-person", person);
    api.token("canary-other", other);
    let cases = [
        (None, "--token-file"),
        (Some("canary-unknown"), "not valid"),
        (Some("canary-audience"), "audience"),
        (Some("canary-no-audience"), "audience"),
        (Some("canary-unbound"), "not bound"),
        (Some("canary-person"), "no ServiceAccount"),
        (Some("canary-other"), "another ServiceAccount"),
    ];
    for (token, why) in cases {
        let status = desk.refusal(token).await;
        assert_eq!(status.code(), Code::Unauthenticated, "{token:?}: {status}");
        assert!(status.message().contains(why) && !status.message().contains("canary"), "{token:?}: {status}");
    }
    assert!(desk.stage.control.sidecars().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_is_not_known_yet_is_waited_for_and_not_for_ever() {
    let desk = Desk::ready().await;
    desk.stage.api.token("early", review("web-2", "uid-web-2", &json!(["sidegate"])));
    let began = Instant::now();
    let status = desk.refusal(Some("early")).await;
    assert_eq!(status.code(), Code::Unavailable, "{status}");
    assert!(began.elapsed() >= Duration::from_secs(5) && began.elapsed() < Duration::from_secs(10));
    let arrives = async {
        sleep(Duration::from_secs(2)).await;
        desk.stage.api.put("pods", pod("web-2", "uid-web-2"));
    };
    let (heard, ()) = tokio::join!(desk.first(Some("early")), arrives);
    assert!(heard.is_ok());
    // Another pod of the same name is another pod.
    desk.stage.api.token("late", review("web-2", "uid-of-before", &json!(["sidegate"])));
    assert_eq!(desk.refusal(Some("late")).await.code(), Code::Unavailable);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_before_every_object_is_known() {
    let api = full();
    api.faults(|faults| {
        faults.denied.insert("aipolicies".to_owned());
    });
    let desk = Desk::over(Stage::start(api));
    let status = desk.refusal(Some("good")).await;
    assert_eq!(status.code(), Code::Unavailable, "{status}");
    desk.stage.api.faults(|faults| faults.denied.clear());
    desk.stage.until_ready().await;
    assert_eq!(desk.stream(Some("good")).await.unwrap().routes().await, ["fast"]);
}

#[tokio::test(start_paused = true)]
async fn ka8_without_token_reviews_streams_go_on_and_new_ones_are_served_for_a_minute_or_refused() {
    let desk = Desk::ready().await;
    desk.stage.api.token("second", review("web-1", "uid-web-1", &json!(["sidegate"])));
    desk.stage.api.token("running", review("web-2", "uid-web-2", &json!(["sidegate"])));
    desk.stage.api.put("pods", pod("web-2", "uid-web-2"));
    let mut running = desk.stream(Some("running")).await.unwrap();
    assert_eq!(running.routes().await, ["fast"]);
    assert!(desk.first(Some("good")).await.is_ok());
    let asked = desk.reviews();
    desk.stage.api.faults(|faults| {
        faults.denied.insert("tokenreviews".to_owned());
    });
    desk.stage.api.put("aipolicies", policy("late", "late"));
    assert_eq!(running.routes().await.len(), 2, "a stream that is there goes on");
    sleep(Duration::from_secs(30)).await;
    assert!(desk.first(Some("good")).await.is_ok(), "a sidecar that comes back within a minute");
    assert_eq!(desk.reviews(), asked, "nobody was asked again");
    let status = desk.refusal(Some("second")).await;
    assert_eq!(status.code(), Code::Unavailable, "one that was not seen before: {status}");
    sleep(Duration::from_secs(31)).await;
    let status = desk.refusal(Some("good")).await;
    assert_eq!(status.code(), Code::Unavailable, "after the minute: {status}");
    desk.stage.api.faults(|faults| faults.denied.clear());
    assert!(desk.first(Some("good")).await.is_ok());
    desk.stage.api.put("aipolicies", policy("later", "later"));
    assert_eq!(running.routes().await.len(), 3, "and still goes on");
}

#[tokio::test(start_paused = true)]
async fn ka8_a_bad_answer_is_never_remembered() {
    let desk = Desk::ready().await;
    assert_eq!(desk.refusal(Some("soon")).await.code(), Code::Unauthenticated);
    desk.stage.api.token("soon", review("web-1", "uid-web-1", &json!(["sidegate"])));
    assert!(desk.first(Some("soon")).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn ka2_a_sidecar_that_restarts_while_the_api_server_is_away_is_served_from_what_is_known() {
    let desk = Desk::ready().await;
    drop(desk.first(Some("good")).await.unwrap());
    desk.stage.api.faults(|faults| faults.down = true);
    sleep(Duration::from_secs(50)).await;
    assert_eq!(desk.stream(Some("good")).await.unwrap().routes().await, ["fast"]);
}

//! Streams over in-memory pipes, with paused time.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper_util::rt::TokioIo;
use serde_json::json;
use sidegate_wire::v1::control_message::Message as Down;
use sidegate_wire::v1::control_plane_client::ControlPlaneClient;
use sidegate_wire::v1::sidecar_message::Message as Up;
use sidegate_wire::{decode_snapshot, v1};
use tokio::io::DuplexStream;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tonic::codegen::{Service, http::Uri};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status, Streaming};

use super::{Link, Peer, serve_on};
use crate::control::Control;
use crate::index::Index;
use crate::prices::PriceBook;
use crate::problem::{Kind, ObjectName};
use crate::secret::{Secret, SecretValue};

/// Hands out one end of a pipe, once.
struct Pipe(Option<DuplexStream>);

impl Service<Uri> for Pipe {
    type Response = TokioIo<DuplexStream>;
    type Error = std::io::Error;
    type Future = std::future::Ready<Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        std::future::ready(self.0.take().map(TokioIo::new).ok_or_else(|| std::io::Error::other("used up")))
    }
}

pub(crate) struct Desk {
    control: Arc<Control>,
    connect: mpsc::UnboundedSender<Link<DuplexStream>>,
    _tasks: JoinSet<()>,
}

pub(crate) struct Sidecar {
    up: mpsc::Sender<v1::SidecarMessage>,
    down: Streaming<v1::ControlMessage>,
}

fn provider(more: serde_json::Value) -> sidegate_crds::AIProvider {
    let mut spec = json!({"dialect": "OpenAI", "access": {"namespaces": {"from": "All"}},
                          "credentials": [{"name": "a", "secretRef": {"name": "s", "key": "k"}}]});
    spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    serde_json::from_value(json!({"apiVersion": "sidegate.dev/v1alpha1", "kind": "AIProvider",
        "metadata": {"name": "openai", "namespace": "sidegate-system", "uid": "u"}, "spec": spec}))
    .unwrap()
}

fn secret(value: &str) -> Secret {
    let value = SecretValue::read(value.as_bytes()).map(Arc::new);
    Secret {
        namespace: "sidegate-system".into(),
        name: "s".into(),
        hosts: None,
        keys: [("k".to_owned(), value)].into(),
    }
}

impl Desk {
    fn new() -> Self {
        let mut index = Index::new("sidegate-system", PriceBook::empty(), [3; 32]);
        index.apply_provider(provider(json!({})));
        index.apply_secret(secret("canary-1"));
        Self::of(index)
    }

    fn of(index: Index) -> Self {
        Self::around(Arc::new(Control::new(index, 42)))
    }

    pub(crate) fn around(control: Arc<Control>) -> Self {
        let (connect, incoming) = mpsc::unbounded_channel();
        let incoming = futures_util::stream::unfold(incoming, |mut incoming| async move {
            let link = incoming.recv().await?;
            Some((link, incoming))
        });
        let mut tasks = JoinSet::new();
        let serving = control.clone();
        tasks.spawn(async move { serve_on(serving, incoming).await.unwrap() });
        Self { control, connect, _tasks: tasks }
    }

    async fn channel(&self, peer: Peer) -> Channel {
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        assert!(self.connect.send(Link::new(theirs, peer)).is_ok());
        Endpoint::from_static("http://control-plane").connect_with_connector(Pipe(Some(ours))).await.unwrap()
    }

    async fn stream(&self, peer: Peer) -> Sidecar {
        let (up, rx) = mpsc::channel(8);
        let messages = futures_util::stream::unfold(rx, |mut rx| async move {
            let message = rx.recv().await?;
            Some((message, rx))
        });
        let mut client = ControlPlaneClient::new(self.channel(peer).await);
        let down = client.subscribe(messages).await.unwrap().into_inner();
        Sidecar { up, down }
    }

    pub(crate) async fn sidecar(&self, hello: v1::Hello) -> Sidecar {
        let sidecar = self.stream(Peer::in_process()).await;
        sidecar.say(Up::Hello(hello)).await;
        sidecar
    }
}

pub(crate) fn hello() -> v1::Hello {
    let caller = v1::Caller { namespace: "shop".into(), pod: "checkout-1".into(), ..v1::Caller::default() };
    v1::Hello { caller: Some(caller), sidecar_version: "0.1.0".into(), ..v1::Hello::default() }
}

impl Sidecar {
    async fn say(&self, message: Up) {
        self.up.send(v1::SidecarMessage { message: Some(message) }).await.unwrap();
    }

    pub(crate) async fn hear(&mut self) -> Result<Option<Down>, Status> {
        let message = timeout(Duration::from_secs(60), self.down.message()).await.expect("something within a minute");
        Ok(message?.and_then(|m| m.message))
    }

    pub(crate) async fn credentials(&mut self) -> v1::Credentials {
        match self.hear().await.unwrap() {
            Some(Down::Credentials(credentials)) => {
                self.take(v1::Subject::Credentials, &credentials.version).await;
                credentials
            }
            Some(_) => panic!("a policy before its credentials"),
            None => panic!("the stream ended"),
        }
    }

    pub(crate) async fn policy(&mut self) -> v1::Policy {
        match self.hear().await.unwrap() {
            Some(Down::Policy(policy)) => {
                self.take(v1::Subject::Policy, &policy.version).await;
                policy
            }
            Some(_) => panic!("credentials where a policy should be"),
            None => panic!("the stream ended"),
        }
    }

    async fn take(&self, subject: v1::Subject, version: &str) {
        self.say(Up::Ack(v1::Ack { subject: subject.into(), version: version.to_owned() })).await;
    }

    /// Nothing more comes for a good while.
    pub(crate) async fn silence(&mut self) {
        assert!(timeout(Duration::from_secs(30), self.down.message()).await.is_err(), "something came");
    }

    async fn end(&mut self) -> Status {
        loop {
            match self.hear().await {
                Err(status) => return status,
                Ok(None) => return Status::ok("ended"),
                Ok(Some(_)) => {}
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn credentials_come_first_then_the_policy_and_then_nothing() {
    let desk = Desk::new();
    let mut sidecar = desk.sidecar(hello()).await;
    let credentials = sidecar.credentials().await;
    let key = &credentials.credentials[0];
    assert_eq!((&*key.provider_namespace, &*key.provider_name, &*key.name), ("sidegate-system", "openai", "a"));
    assert_eq!(&key.value[..], b"canary-1");
    let policy = sidecar.policy().await;
    assert_eq!((policy.epoch, policy.intentional_empty), (42, false));
    let snapshot = decode_snapshot(&policy.version, &policy.snapshot).unwrap();
    assert_eq!(&*snapshot.providers[0].name, "openai");
    sidecar.silence().await;
}

#[tokio::test(start_paused = true)]
async fn a_reconnect_with_the_same_versions_costs_no_push() {
    let desk = Desk::new();
    let mut first = desk.sidecar(hello()).await;
    let (credentials, policy) = (first.credentials().await, first.policy().await);
    drop(first);
    let again = v1::Hello {
        policy_version: policy.version,
        credentials_version: credentials.version,
        epoch: policy.epoch,
        ..hello()
    };
    let mut second = desk.sidecar(again).await;
    second.silence().await;
    desk.control.update(|index| index.apply_provider(provider(json!({"region": "eu"}))));
    second.policy().await;
}

#[tokio::test(start_paused = true)]
async fn a_rotated_key_is_pushed_alone() {
    let desk = Desk::new();
    let mut sidecar = desk.sidecar(hello()).await;
    let before = sidecar.credentials().await;
    sidecar.policy().await;
    desk.control.update(|index| index.apply_secret(secret("canary-2")));
    let after = sidecar.credentials().await;
    assert_eq!(&after.credentials[0].value[..], b"canary-2");
    assert_ne!(before.version, after.version);
    sidecar.silence().await;
}

#[tokio::test(start_paused = true)]
async fn the_newest_of_many_changes_wins() {
    let desk = Desk::new();
    let mut sidecar = desk.sidecar(hello()).await;
    sidecar.credentials().await;
    sidecar.policy().await;
    for n in 0..50 {
        desk.control.update(|index| index.apply_provider(provider(json!({"region": format!("r{n}")}))));
    }
    let policy = sidecar.policy().await;
    let snapshot = decode_snapshot(&policy.version, &policy.snapshot).unwrap();
    assert_eq!(snapshot.providers[0].region.as_deref(), Some("r49"));
    sidecar.silence().await;
}

#[tokio::test(start_paused = true)]
async fn a_change_arrives_within_the_debounce() {
    let desk = Desk::new();
    let mut sidecar = desk.sidecar(hello()).await;
    sidecar.credentials().await;
    sidecar.policy().await;
    let started = tokio::time::Instant::now();
    desk.control.update(|index| index.apply_provider(provider(json!({"region": "eu"}))));
    sidecar.policy().await;
    assert!(started.elapsed() <= Duration::from_millis(100), "{:?}", started.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_hundred_edits_a_second_are_pushed_within_the_debounce_and_not_one_by_one() {
    let desk = Desk::new();
    let mut sidecar = desk.sidecar(hello()).await;
    sidecar.credentials().await;
    sidecar.policy().await;
    let (control, mut editor) = (desk.control.clone(), JoinSet::new());
    let edited = Arc::new(std::sync::Mutex::new(Vec::new()));
    let journal = edited.clone();
    editor.spawn(async move {
        for n in 0..500 {
            control.update(|index| index.apply_provider(provider(json!({"region": format!("r{n}")}))));
            journal.lock().unwrap().push(tokio::time::Instant::now());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    let mut pushed = 0;
    loop {
        let policy = sidecar.policy().await;
        pushed += 1;
        let snapshot = decode_snapshot(&policy.version, &policy.snapshot).unwrap();
        let number: usize = snapshot.providers[0].region.as_deref().unwrap()[1..].parse().unwrap();
        let next = edited.lock().unwrap().get(number + 1).copied();
        // Whatever it does not show yet has been there for no longer than the debounce.
        let age = next.map_or(Duration::ZERO, |next| next.elapsed());
        assert!(age <= Duration::from_millis(100), "edit {} is {age:?} old and not pushed", number + 1);
        if number == 499 {
            break;
        }
    }
    assert!((50..=101).contains(&pushed), "{pushed} pushes in five seconds");
    sidecar.silence().await;
}

#[tokio::test(start_paused = true)]
async fn a_sidecar_that_does_not_answer_is_sent_the_newest_once_a_second() {
    let desk = Desk::new();
    let mut sidecar = desk.sidecar(hello()).await;
    sidecar.hear().await.unwrap();
    sidecar.hear().await.unwrap();
    let began = tokio::time::Instant::now();
    for n in 0..3 {
        desk.control.update(|index| index.apply_provider(provider(json!({"region": format!("r{n}")}))));
        assert!(matches!(sidecar.hear().await.unwrap(), Some(Down::Policy(_))));
    }
    assert!(began.elapsed() >= Duration::from_millis(2_900), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_change_for_others_is_not_pushed() {
    let desk = Desk::new();
    let mut sidecar = desk.sidecar(hello()).await;
    sidecar.credentials().await;
    sidecar.policy().await;
    desk.control.update(|index| index.apply_namespace("bank", [("a".to_owned(), "b".to_owned())].into()));
    sidecar.silence().await;
}

#[tokio::test(start_paused = true)]
async fn acks_and_nacks_are_kept_for_each_sidecar() {
    let desk = Desk::new();
    let mut sidecar = desk.sidecar(hello()).await;
    sidecar.credentials().await;
    let policy = sidecar.policy().await;
    let subject = v1::Subject::Policy.into();
    sidecar.say(Up::Ack(v1::Ack { subject, version: policy.version.clone() })).await;
    let reason = "providers[0].dialect: 99\nis no known value".to_owned();
    sidecar.say(Up::Nack(v1::Nack { subject, version: "next".into(), reason })).await;
    sidecar.silence().await;
    let seated = desk.control.roster.seated();
    assert_eq!((&*seated[0].caller.pod, &*seated[0].policy), ("checkout-1", &*policy.version));
    let refusal = seated[0].refusal.as_ref().unwrap();
    assert_eq!((&*refusal.version, &*refusal.reason), ("next", "providers[0].dialect: 99is no known value"));
    drop(sidecar);
    tokio::time::advance(Duration::from_secs(1)).await;
    timeout(Duration::from_secs(60), async {
        while desk.control.roster.count() > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("a sidecar that left is forgotten");
}

#[tokio::test(start_paused = true)]
async fn keys_do_not_leave_the_machine() {
    let desk = Desk::new();
    let mut sidecar = desk.stream(Peer::at("10.1.2.3:4444".parse().unwrap())).await;
    sidecar.say(Up::Hello(hello())).await;
    sidecar.policy().await;
    desk.control.update(|index| index.apply_secret(secret("canary-2")));
    sidecar.silence().await;
    assert_eq!(crate::control::Counters::read(&desk.control.counters.withheld), 2);
}

#[test]
fn loopback_is_told_by_the_address() {
    for (address, loopback) in [
        ("127.0.0.1:1", true),
        ("127.9.9.9:1", true),
        ("[::1]:1", true),
        ("[::ffff:127.0.0.1]:1", true),
        ("10.0.0.1:1", false),
        ("[::ffff:10.0.0.1]:1", false),
        ("0.0.0.0:1", false),
    ] {
        assert_eq!(Peer::at(address.parse().unwrap()).loopback, loopback, "{address}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_begins_with_hello_soon_and_once() {
    let desk = Desk::new();
    let mut silent = desk.stream(Peer::in_process()).await;
    assert_eq!(silent.end().await.code(), Code::DeadlineExceeded);
    let mut rude = desk.stream(Peer::in_process()).await;
    rude.say(Up::Ack(v1::Ack::default())).await;
    assert_eq!(rude.end().await.code(), Code::InvalidArgument);
    let mut nobody = desk.sidecar(v1::Hello::default()).await;
    assert_eq!(nobody.end().await.code(), Code::InvalidArgument);
    let mut twice = desk.sidecar(hello()).await;
    twice.say(Up::Hello(hello())).await;
    assert_eq!(twice.end().await.code(), Code::InvalidArgument);
}

#[tokio::test(start_paused = true)]
async fn a_sidecar_that_talks_too_much_is_ended() {
    let desk = Desk::new();
    let mut sidecar = desk.sidecar(hello()).await;
    for _ in 0..300 {
        let message = v1::SidecarMessage { message: Some(Up::Ack(v1::Ack::default())) };
        if sidecar.up.send(message).await.is_err() {
            break;
        }
    }
    assert_eq!(sidecar.end().await.code(), Code::ResourceExhausted);
}

#[tokio::test(start_paused = true)]
async fn an_empty_policy_is_meant_only_when_the_source_was_read_whole() {
    let desk = Desk::new();
    let mut sidecar = desk.sidecar(hello()).await;
    sidecar.credentials().await;
    sidecar.policy().await;
    desk.control.set_complete(false);
    let name = ObjectName::new(Kind::AiProvider, "sidegate-system", "openai");
    desk.control.update(|index| index.delete(&name));
    assert!(!sidecar.policy().await.intentional_empty);
    assert!(sidecar.credentials().await.credentials.is_empty());
    desk.control.set_complete(true);
    let mut other = desk.sidecar(hello()).await;
    assert!(other.credentials().await.credentials.is_empty());
    assert!(other.policy().await.intentional_empty);
}

#[tokio::test(start_paused = true)]
async fn keys_that_a_new_policy_no_longer_asks_for_are_taken_away_after_it() {
    let desk = Desk::new();
    let mut sidecar = desk.sidecar(hello()).await;
    assert_eq!(sidecar.credentials().await.credentials.len(), 1);
    sidecar.policy().await;
    let name = ObjectName::new(Kind::AiProvider, "sidegate-system", "openai");
    desk.control.update(|index| index.delete(&name));
    sidecar.policy().await;
    assert!(sidecar.credentials().await.credentials.is_empty());
}

#[tokio::test(start_paused = true)]
async fn closing_ends_every_stream() {
    let desk = Desk::new();
    let mut sidecar = desk.sidecar(hello()).await;
    sidecar.credentials().await;
    sidecar.policy().await;
    let started = tokio::time::Instant::now();
    desk.control.close();
    assert!(sidecar.hear().await.unwrap().is_none());
    assert!(started.elapsed() < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_dead_connection_is_noticed_within_fifteen_seconds() {
    let desk = Desk::new();
    let mut sidecar = desk.sidecar(hello()).await;
    sidecar.credentials().await;
    sidecar.policy().await;
    assert_eq!(desk.control.roster.count(), 1);
    // A pipe that neither reads nor writes nor closes: bytes go in and no answer comes.
    let (mut ours, theirs) = tokio::io::duplex(64 * 1024);
    assert!(desk.connect.send(Link::new(theirs, Peer::in_process())).is_ok());
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00";
    tokio::io::AsyncWriteExt::write_all(&mut ours, preface).await.unwrap();
    let started = tokio::time::Instant::now();
    let mut all = Vec::new();
    timeout(Duration::from_secs(60), tokio::io::AsyncReadExt::read_to_end(&mut ours, &mut all)).await.unwrap().unwrap();
    assert!(started.elapsed() <= Duration::from_secs(15), "{:?}", started.elapsed());
    assert_eq!(desk.control.roster.count(), 1, "the living one stays");
}

fn rejected(name: &str, mark: &str) -> v1::RejectedCredential {
    let (provider_namespace, provider_name) = ("sidegate-system".to_owned(), "openai".to_owned());
    v1::RejectedCredential { provider_namespace, provider_name, name: name.to_owned(), mark: mark.to_owned() }
}

impl Desk {
    /// What the one sidecar says of its keys, as `credential mark`.
    fn rejects(&self) -> Vec<String> {
        let seated = self.control.roster.seated();
        seated[0].rejects.iter().map(|key| format!("{} {}", key.credential, key.mark)).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_comes_with_a_mark_that_is_told_back_when_it_is_turned_down() {
    let desk = Desk::new();
    let mut sidecar = desk.sidecar(hello()).await;
    let first = sidecar.credentials().await.credentials[0].clone();
    sidecar.policy().await;
    assert!(first.mark.len() == 16 && !first.mark.contains("canary"), "{}", first.mark);
    let mut changes = desk.control.roster.changes();
    for _ in 0..3 {
        let credentials = vec![rejected("a", &first.mark)];
        sidecar.say(Up::Rejected(v1::Rejected { credentials })).await;
        sidecar.silence().await;
    }
    assert_eq!(desk.rejects(), [format!("a {}", first.mark)]);
    changes.mark_unchanged();
    sidecar.say(Up::Rejected(v1::Rejected { credentials: vec![rejected("a", &first.mark)] })).await;
    sidecar.silence().await;
    assert!(!changes.has_changed().unwrap(), "it was said before");
    desk.control.update(|index| index.apply_secret(secret("canary-2")));
    assert_ne!(sidecar.credentials().await.credentials[0].mark, first.mark);
    sidecar.say(Up::Rejected(v1::Rejected::default())).await;
    sidecar.silence().await;
    assert!(changes.has_changed().unwrap() && desk.rejects().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_a_sidecar_says_of_keys_is_bounded() {
    let desk = Desk::new();
    let mut sidecar = desk.sidecar(hello()).await;
    sidecar.credentials().await;
    sidecar.policy().await;
    let long = "k".repeat(300);
    let odd =
        [rejected("", "1"), rejected("a b", "1"), rejected(&long, "1"), rejected("a", ""), rejected("a", "no hex")];
    let many = (0..200).map(|n| rejected(&format!("k{n}"), "1"));
    let credentials = odd.into_iter().chain([rejected("a", "1"), rejected("a", "1")]).chain(many).collect();
    sidecar.say(Up::Rejected(v1::Rejected { credentials })).await;
    sidecar.silence().await;
    let told = desk.rejects();
    assert_eq!((told.len(), &*told[0]), (58, "a 1"), "of the first 64, those that can be keys, each once");
}

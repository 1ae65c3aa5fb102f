//! Sidecars and control planes of different versions: what one of them does not know yet, or knows no more.

use prost::Message;
use sidegate_policy::Dialect;
use sidegate_tests::cable::Cable;
use sidegate_tests::client::chat;
use sidegate_tests::feigned::{Feigned, Listener, policy};
use sidegate_tests::objects::{Folder, simple};
use sidegate_tests::plane::{Linked, Plane, in_force};
use sidegate_tests::policy::{provider, snapshot};
use sidegate_tests::stage::{Setting, Stage};
use sidegate_wire::v1::control_message::Message as Down;
use sidegate_wire::v1::sidecar_message::Message as Up;
use sidegate_wire::v1::{self, ControlMessage, Hello, SidecarMessage, Snapshot};
use sidegate_wire::{FEATURES, encode_snapshot};

/// A field that nobody has: number 1000, length-delimited, four bytes.
const UNKNOWN: [u8; 7] = [0xc2, 0x3e, 4, b'n', b'e', b'w', b'!'];

/// What a message reads as when a newer version has written another field into it.
fn from_newer<M: Message + Default>(message: &M) -> M {
    let mut bytes = message.encode_to_vec();
    bytes.extend(UNKNOWN);
    M::decode(&bytes[..]).unwrap()
}

/// A Hello as sidecars of different versions say it.
fn hellos() -> Vec<(&'static str, Hello)> {
    let now = Listener::hello("shop");
    let features: Vec<String> = FEATURES.iter().map(|f| (*f).to_owned()).collect();
    let newer = ["tomorrow".to_owned(), "the day after".to_owned()];
    vec![
        ("two before", Hello { sidecar_version: String::new(), features: Vec::new(), ..now.clone() }),
        (
            "one before",
            Hello {
                sidecar_version: "0.0.9".to_owned(),
                features: features[..features.len() / 2].to_vec(),
                ..now.clone()
            },
        ),
        ("the same", Hello { sidecar_version: "0.1.0".to_owned(), features: features.clone(), ..now.clone() }),
        (
            "one after",
            from_newer(&Hello {
                sidecar_version: "0.2.0".to_owned(),
                features: [&features[..], &newer[..1]].concat(),
                ..now.clone()
            }),
        ),
        (
            "two after",
            from_newer(&Hello {
                sidecar_version: "1.0.0-beta.1".to_owned(),
                features: [&features[..], &newer].concat(),
                ..now
            }),
        ),
    ]
}

#[tokio::test(start_paused = true)]
async fn cp9_a_control_plane_serves_sidecars_of_every_version() {
    let (objects, cable) = (simple(), Cable::default());
    let _plane = Plane::start(&objects, &cable);
    let mut versions = Vec::new();
    for (which, hello) in hellos() {
        let mut listener = Listener::greet(&cable, hello.clone()).await;
        // What only a newer sidecar says is passed over, wherever it comes.
        listener.says_what_is_unknown();
        let took = listener.takes_all(hello).await;
        assert!(!took.credentials_version.is_empty(), "{which}");
        listener.says_what_is_unknown();
        assert!(listener.hears().await.is_none(), "{which}");
        versions.push(took.policy_version);
    }
    versions.dedup();
    assert!(versions.len() == 1 && !versions[0].is_empty(), "all have the same policy: {versions:?}");
}

#[tokio::test(start_paused = true)]
async fn cp9_a_sidecar_takes_what_it_understands_of_control_planes_of_every_version() {
    let (cable, state) = (Cable::default(), Folder::new("state"));
    let mut stage = Stage::bare(Setting::default());
    let mut plane = Feigned::serve(&cable);
    let linked = Linked::over(&stage, &cable, &state);
    let mut talk = plane.talk().await;
    let hello = talk.hello().await;
    assert!(FEATURES.iter().all(|feature| hello.features.iter().any(|told| told == feature)), "an older one can tell");

    let plain = encode_snapshot(&snapshot(vec![provider("openai", Dialect::OpenAi, 0)]));
    let of = |change: fn(&mut Snapshot)| {
        let mut message = Snapshot::decode(plain.clone()).unwrap();
        change(&mut message);
        message.encode_to_vec()
    };
    let with_unknown = |bytes: &[u8]| [bytes, &UNKNOWN].concat();
    let taken = [
        ("two before: it requires nothing", of(|s| s.requires.clear())),
        ("the same", plain.to_vec()),
        ("one after: a field that may be passed over", with_unknown(&plain)),
    ];
    for (which, bytes) in taken {
        let sent = policy(bytes.into(), 5);
        let version = sent.version.clone();
        assert!(matches!(talk.push(sent).await, Up::Ack(ack) if ack.version == version), "{which}");
        assert_eq!(in_force(&stage), version, "{which}");
    }
    // A message of a kind that is not known yet is passed over too, and the next one is heard.
    talk.says_what_is_unknown();
    let before = in_force(&stage);
    let refused = policy(of(|s| s.requires.push("tomorrow".to_owned())).into(), 5);
    let Up::Nack(nack) = talk.push(refused).await else { panic!("what it must understand it does not") };
    assert!(nack.reason.contains("tomorrow"), "{}", nack.reason);
    assert!(in_force(&stage) == before && linked.is_up());
    assert_eq!(stage.call(chat("nothing", "")).await.class(), "provider_auth", "the policy before serves on");
}

#[tokio::test(start_paused = true)]
async fn cp9_what_a_newer_version_adds_reads_as_nothing_and_not_as_an_error() {
    assert!(from_newer(&SidecarMessage::default()).message.is_none());
    assert!(from_newer(&ControlMessage::default()).message.is_none());
    let policy = v1::Policy { version: "v".to_owned(), epoch: 3, ..v1::Policy::default() };
    let message = ControlMessage { message: Some(Down::Policy(from_newer(&policy))) };
    assert!(from_newer(&message) == message);
    let ack = v1::Ack { subject: 77, version: "v".to_owned() };
    assert_eq!(from_newer(&ack).subject(), v1::Subject::Unspecified);
}

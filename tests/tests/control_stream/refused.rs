//! What a sidecar refuses, and what stays in force then.

use std::time::Duration;

use bytes::Bytes;
use prost::Message;
use sidegate_policy::{Dialect, Snapshot};
use sidegate_tests::cable::Cable;
use sidegate_tests::client::chat;
use sidegate_tests::feigned::{Feigned, Talk, policy};
use sidegate_tests::objects::{Folder, denying, simple};
use sidegate_tests::plane::{DAY, Linked, Plane, in_force, within};
use sidegate_tests::policy::{list, provider, snapshot};
use sidegate_tests::stage::{Setting, Stage};
use sidegate_wire::v1::sidecar_message::Message as Up;
use sidegate_wire::v1::{self, Credential, Credentials, Nack, Subject};
use sidegate_wire::{MAX_SNAPSHOT_BYTES, encode_snapshot};

use crate::{SECOND, Whole};

/// A sidecar with a good policy of epoch 5, and who may send it others.
struct Refusing {
    stage: Stage,
    talk: Talk,
    good: String,
    linked: Linked,
    _plane: Feigned,
    _state: Folder,
}

impl Refusing {
    async fn new() -> Self {
        let (cable, state, stage) = (Cable::default(), Folder::new("state"), Stage::bare(Setting::default()));
        let mut plane = Feigned::serve(&cable);
        let linked = Linked::over(&stage, &cable, &state);
        let mut talk = plane.talk().await;
        talk.hello().await;
        assert!(matches!(talk.give(keys(b"sim-key-a")).await, Up::Ack(_)));
        let good = policy(encode_snapshot(&snapshot(vec![provider("openai", Dialect::OpenAi, 1)])), 5);
        let version = good.version.clone();
        assert!(matches!(talk.push(good).await, Up::Ack(ack) if ack.version == version));
        Self { stage, talk, good: version, linked, _plane: plane, _state: state }
    }

    /// The reason why this policy is refused, and that the good one serves on.
    async fn reason(&mut self, bad: v1::Policy) -> String {
        let version = bad.version.clone();
        let answer = self.talk.push(bad).await;
        let Up::Nack(nack) = answer else { panic!("it was taken: {answer:?}") };
        assert_eq!((nack.subject(), nack.version), (Subject::Policy, version));
        assert_eq!(in_force(&self.stage), self.good);
        assert!(self.linked.is_up(), "the stream stays");
        assert_eq!(self.stage.call(chat("gpt-4o", "")).await.status, 200);
        let status = String::from_utf8(self.linked.status.to_json()).unwrap();
        assert!(status.contains(&serde_json::Value::from(&*nack.reason).to_string()), "{status}");
        nack.reason
    }
}

fn keys(value: &'static [u8]) -> Credentials {
    let credential = Credential {
        provider_namespace: "sidegate-system".to_owned(),
        provider_name: "openai".to_owned(),
        name: "a".to_owned(),
        value: Bytes::from_static(value),
        mark: String::new(),
    };
    Credentials { version: "1".to_owned(), credentials: vec![credential] }
}

/// A good snapshot, spoilt.
fn spoilt(spoil: impl FnOnce(&mut v1::Snapshot)) -> v1::Policy {
    let good = encode_snapshot(&snapshot(vec![provider("openai", Dialect::OpenAi, 1)]));
    let mut message = v1::Snapshot::decode(good).unwrap();
    spoil(&mut message);
    policy(message.encode_to_vec().into(), 5)
}

#[tokio::test(start_paused = true)]
async fn cp8_a_policy_that_is_invalid_is_refused_with_the_field_and_the_last_good_stays() {
    let mut refusing = Refusing::new().await;
    let endless = |s: &mut v1::Snapshot| s.providers.iter_mut().for_each(|p| p.endpoint = None);
    let reason = refusing.reason(spoilt(endless)).await;
    assert!(reason.contains("providers[0].endpoint: missing"), "{reason}");
    let nowhere = |s: &mut v1::Snapshot| {
        let target = v1::Target { provider: Some(v1::target::Provider::At(9)), weight: 1, ..v1::Target::default() };
        let rank = v1::Rank { platform: true, specificity: v1::Specificity::Cluster.into() };
        let meta = s.providers[0].meta.clone();
        let mode = v1::Mode::Enforce.into();
        s.routes.push(v1::Route {
            name: "r".into(),
            targets: vec![target],
            rank: Some(rank),
            mode,
            meta,
            ..v1::Route::default()
        });
    };
    let reason = refusing.reason(spoilt(nowhere)).await;
    assert!(reason.contains("routes[0]") && reason.contains('9'), "{reason}");
    assert_eq!(refusing.stage.metric("sidegate_policy_refused_total"), 2);
}

#[tokio::test(start_paused = true)]
async fn cp8_a_policy_that_is_cut_off_is_refused() {
    let mut refusing = Refusing::new().await;
    let whole = encode_snapshot(&snapshot(vec![provider("openai", Dialect::OpenAi, 1)]));
    let cut = whole.slice(..whole.len() - 3);
    let reason = refusing.reason(policy(cut.clone(), 5)).await;
    assert!(reason.contains("malformed"), "{reason}");
    let reason = refusing.reason(v1::Policy { snapshot: cut, ..policy(whole, 5) }).await;
    assert!(reason.contains("digest"), "{reason}");
}

#[tokio::test(start_paused = true)]
async fn cp8_a_policy_that_is_too_large_is_refused() {
    let mut refusing = Refusing::new().await;
    for size in [MAX_SNAPSHOT_BYTES + 1, 5 << 20] {
        let reason = refusing.reason(policy(vec![0; size].into(), 5)).await;
        assert!(reason.contains(&size.to_string()), "{reason}");
    }
}

#[tokio::test(start_paused = true)]
async fn cp8_a_policy_that_requires_an_unknown_feature_is_refused() {
    let mut refusing = Refusing::new().await;
    let reason = refusing.reason(spoilt(|s| s.requires.push("time-travel".to_owned()))).await;
    assert!(reason.contains("requires") && reason.contains("time-travel"), "{reason}");
}

#[tokio::test(start_paused = true)]
async fn cp8_a_policy_with_an_unknown_value_of_an_enum_is_refused() {
    let mut refusing = Refusing::new().await;
    let reason = refusing.reason(spoilt(|s| s.providers[0].dialect = 99)).await;
    assert!(reason.contains("providers[0].dialect: 99"), "{reason}");
}

#[tokio::test(start_paused = true)]
async fn cp8_keys_that_cannot_be_used_are_refused_without_being_told_and_the_last_good_stay() {
    let mut refusing = Refusing::new().await;
    for bad in [&b"canary\nkey"[..], b"", b"canary\xff\x00"] {
        let Up::Nack(Nack { reason, subject, version }) = refusing.talk.give(keys(bad)).await else { panic!("taken") };
        assert_eq!((subject, &*version), (Subject::Credentials.into(), "1"));
        assert!(reason.contains("`a` of sidegate-system/openai") && !reason.contains("canary"), "{reason}");
        assert_eq!(refusing.stage.call(chat("gpt-4o", "")).await.status, 200);
    }
}

#[tokio::test(start_paused = true)]
async fn an_unknown_field_is_ignored() {
    let mut refusing = Refusing::new().await;
    let mut bytes = encode_snapshot(&snapshot(vec![provider("other", Dialect::OpenAi, 0)])).to_vec();
    // Field 2000, a varint.
    bytes.extend([0x80, 0x7d, 1]);
    let newer = policy(bytes.into(), 5);
    let version = newer.version.clone();
    assert!(matches!(refusing.talk.push(newer).await, Up::Ack(ack) if ack.version == version));
}

#[tokio::test(start_paused = true)]
async fn cp10_an_older_epoch_is_refused_and_the_control_plane_hears_why() {
    let mut refusing = Refusing::new().await;
    let older = snapshot(vec![provider("other", Dialect::OpenAi, 1)]);
    let reason = refusing.reason(policy(encode_snapshot(&older), 4)).await;
    assert!(reason.contains("epoch 4 is older than 5"), "{reason}");

    let whole = Whole::up(simple()).await;
    let before = in_force(&whole.stage);
    let Whole { objects, cable, plane, stage, linked, state } = whole;
    plane.die();
    // What a backup of yesterday would say.
    objects.write("policy.yaml", denying("gpt-4o"));
    let plane = Plane::with(objects.path(), &cable, sidegate_controller::Peer::in_process(), DAY - 86_400);
    let told = || plane.sidecar().is_some_and(|s| s.refusal.is_some_and(|r| r.reason.contains("is older than")));
    within(Duration::from_secs(6), "the control plane hears why", told).await;
    assert_eq!(in_force(&stage), before);
    drop((linked, state));
}

#[tokio::test(start_paused = true)]
async fn cp11_an_empty_policy_is_refused_unless_it_says_that_it_is_meant() {
    let mut refusing = Refusing::new().await;
    let mut empty = policy(encode_snapshot(&Snapshot::default()), 5);
    let reason = refusing.reason(empty.clone()).await;
    assert!(reason.contains("empty"), "{reason}");
    empty.intentional_empty = true;
    assert!(matches!(refusing.talk.push(empty).await, Up::Ack(_)));
}

#[tokio::test(start_paused = true)]
async fn cp11_a_policy_of_lists_alone_is_not_empty() {
    let mut refusing = Refusing::new().await;
    let only = Snapshot { deny: vec![list(&["gpt-4o"])], ..Snapshot::default() };
    assert!(matches!(refusing.talk.push(policy(encode_snapshot(&only), 5)).await, Up::Ack(_)));
}

#[tokio::test(start_paused = true)]
async fn cp11_deleting_everything_is_meant_and_losing_the_directory_is_not() {
    let whole = Whole::up(simple()).await;
    let before = in_force(&whole.stage);
    let away = whole.objects.path().with_extension("away");
    std::fs::rename(whole.objects.path(), &away).unwrap();
    tokio::time::sleep(SECOND).await;
    assert_eq!(in_force(&whole.stage), before);
    let problems: Vec<String> = whole.plane.controller.problems().iter().map(ToString::to_string).collect();
    assert!(problems.iter().any(|p| p.contains("everything stays as it was")), "{problems:?}");
    std::fs::rename(&away, whole.objects.path()).unwrap();

    whole.objects.remove("provider.yaml");
    whole.objects.remove("secret.yaml");
    assert!(whole.edited().await <= SECOND);
    assert!(whole.stage.sidecar.armed.load().as_ref().unwrap().snapshot.providers.is_empty());
}

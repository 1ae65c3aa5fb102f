//! Keys that their provider turns down: from the answer that a sidecar meets to the status that people read.

use std::time::Duration;

use jiff::Timestamp;
use sidegate_controller::status::{Known, Roll};
use sidegate_controller::{Kind, ObjectName};
use sidegate_policy::Dialect;
use sidegate_testkit::sim::{Fault, Rule};
use sidegate_tests::cable::Cable;
use sidegate_tests::client::chat;
use sidegate_tests::feigned::{Feigned, policy};
use sidegate_tests::objects::{Folder, secret, simple};
use sidegate_tests::plane::{Linked, Plane, within};
use sidegate_tests::policy::{provider, snapshot};
use sidegate_tests::stage::{Setting, Stage};
use sidegate_wire::v1::sidecar_message::Message as Up;
use sidegate_wire::{encode_snapshot, v1};
use tokio::time::sleep;

use crate::{SECOND, Whole};

/// Longer than a key that was turned down is left alone at first.
const LEFT_ALONE: Duration = Duration::from_secs(75);

fn status(code: u16) -> Fault {
    Fault::Status { status: code, headers: Vec::new(), body: None, code: None }
}

impl Whole {
    /// What the status of the provider `openai` says of its one key, with all that it says.
    fn key(&self) -> (String, String) {
        let control = self.plane.controller.control();
        let name = ObjectName::new(Kind::AiProvider, "sidegate-system", "openai");
        let standing = control.standing(&name).unwrap();
        let status = Known::new(&name, &standing, &Roll::of(&control.sidecars()))
            .provider(&Default::default(), Timestamp::UNIX_EPOCH);
        (format!("{:?}", status.credentials[0].state), serde_json::to_string(&status).unwrap())
    }

    async fn becomes(&self, state: &str) {
        within(SECOND, state, || self.key().0 == state).await;
    }

    async fn calls(&mut self) -> u16 {
        self.stage.call(chat("gpt-4o", "")).await.status.as_u16()
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_turned_down_is_rejected_in_the_status_until_it_is_rotated() {
    let mut whole = Whole::up(simple()).await;
    assert_eq!(whole.calls().await, 200);
    assert_eq!(whole.key().0, "Ready");
    whole.objects.write("secret.yaml", secret("canary-of-nobody"));
    whole.rotated().await;
    assert_eq!((&*whole.key().0, whole.calls().await), ("Ready", 502), "nobody had tried it");
    whole.becomes("Rejected").await;
    let (_, said) = whole.key();
    assert!(said.contains("the provider turns down the key of main") && !said.contains("canary"), "{said}");
    sleep(Duration::from_secs(600)).await;
    assert_eq!(whole.key().0, "Rejected", "time alone proves nothing");

    whole.objects.write("secret.yaml", secret("sim-key-b"));
    whole.rotated().await;
    assert_eq!(whole.key().0, "Ready", "at once, before anybody tried it");
    assert_eq!(whole.calls().await, 200);
    sleep(SECOND * 10).await;
    assert_eq!((&*whole.key().0, whole.plane.sidecar().unwrap().rejects.len()), ("Ready", 0));
}

#[tokio::test(start_paused = true)]
async fn a_key_that_its_provider_takes_again_is_ready_again() {
    for code in [401, 403] {
        let mut whole = Whole::up(simple()).await;
        whole.stage.fail("openai", 1, status(code));
        assert_eq!(whole.calls().await, 502);
        whole.becomes("Rejected").await;
        sleep(LEFT_ALONE).await;
        assert_eq!((&*whole.key().0, whole.calls().await), ("Rejected", 200));
        whole.becomes("Ready").await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_whose_account_is_empty_or_whose_provider_fails_is_not_rejected() {
    for fault in [status(429), status(402), status(500), status(503)] {
        let mut whole = Whole::up(simple()).await;
        whole.stage.fail("openai", 9, fault);
        assert_ne!(whole.calls().await, 200);
        sleep(SECOND * 10).await;
        assert_eq!(whole.key().0, "Ready");
    }
}

#[tokio::test(start_paused = true)]
async fn another_control_plane_hears_of_it_as_soon_as_the_sidecar_is_there() {
    let mut whole = Whole::up(simple()).await;
    whole.stage.fail("openai", 1, status(401));
    assert_eq!(whole.calls().await, 502);
    whole.becomes("Rejected").await;
    // It marks keys in another way than the one before.
    let plane = Plane::start(&whole.objects, &whole.cable);
    std::mem::replace(&mut whole.plane, plane).die();
    within(SECOND * 10, "the sidecar is back", || whole.plane.sidecar().is_some()).await;
    whole.becomes("Rejected").await;
}

#[tokio::test(start_paused = true)]
async fn sr4_an_answer_to_the_old_key_says_nothing_of_the_new_one() {
    let mut whole = Whole::up(simple()).await;
    let slow = Rule { faults: vec![Fault::Delay { ms: 3_000 }, status(401)], ..Rule::times(1, status(401)) };
    assert!(whole.stage.sim.add_faults(vec![slow]));
    let objects = &whole.objects;
    let rotating = async {
        sleep(SECOND).await;
        objects.write("secret.yaml", secret("sim-key-b"));
    };
    let (answer, ()) = tokio::join!(whole.stage.call(chat("gpt-4o", "")), rotating);
    assert_eq!(answer.status, 502, "{}", answer.text());
    sleep(SECOND * 2).await;
    assert_eq!(whole.key().0, "Ready");
    let left_alone = whole.stage.sidecar.breakers.suspensions().0.len();
    assert_eq!((left_alone, whole.calls().await), (0, 200), "it is not left alone for what the other one did");
    assert_eq!(whole.stage.trail(), ["openai/a 401", "openai/b 200"]);
}

/// A key of the provider `openai`, with that mark.
fn keys(mark: &str) -> v1::Credentials {
    let credential = v1::Credential {
        provider_namespace: "sidegate-system".to_owned(),
        provider_name: "openai".to_owned(),
        name: "a".to_owned(),
        value: "sim-key-a".into(),
        mark: mark.to_owned(),
    };
    v1::Credentials { version: mark.to_owned(), credentials: vec![credential] }
}

#[tokio::test(start_paused = true)]
async fn a_sidecar_tells_it_once_and_again_only_when_it_changes_and_on_a_new_stream() {
    let (cable, state, mut stage) = (Cable::default(), Folder::new("state"), Stage::bare(Setting::default()));
    let mut plane = Feigned::serve(&cable);
    let _linked = Linked::over(&stage, &cable, &state);
    let mut talk = plane.talk().await;
    talk.hello().await;
    talk.give(keys("1")).await;
    talk.push(policy(encode_snapshot(&snapshot(vec![provider("openai", Dialect::OpenAi, 1)])), 5)).await;
    stage.fail("openai", 99, status(401));
    for _ in 0..20 {
        assert_eq!(stage.call(chat("m", "")).await.status, 502);
        sleep(SECOND * 30).await;
    }
    let mut told = Vec::new();
    let mut take = |said: Up| match said {
        Up::Rejected(rejected) => told.push(rejected.credentials.iter().map(|c| c.mark.clone()).collect::<String>()),
        Up::Sums(_) | Up::Ack(_) | Up::Hello(_) => {}
        _ => panic!("something else"),
    };
    while let Ok(said) = tokio::time::timeout(SECOND, talk.hears()).await {
        take(said);
    }
    talk.end();
    let mut talk = plane.talk().await;
    for _ in 0..2 {
        take(talk.hears().await);
    }
    assert_eq!(told, ["1", "1"]);
}

#[tokio::test(start_paused = true)]
async fn a_control_plane_that_marks_no_keys_is_told_nothing() {
    let (cable, state, mut stage) = (Cable::default(), Folder::new("state"), Stage::bare(Setting::default()));
    let mut plane = Feigned::serve(&cable);
    let _linked = Linked::over(&stage, &cable, &state);
    let mut talk = plane.talk().await;
    talk.hello().await;
    talk.give(keys("")).await;
    talk.push(policy(encode_snapshot(&snapshot(vec![provider("openai", Dialect::OpenAi, 1)])), 5)).await;
    stage.fail("openai", 1, status(401));
    assert_eq!(stage.call(chat("m", "")).await.status, 502);
    while let Ok(said) = tokio::time::timeout(SECOND * 20, talk.hears()).await {
        assert!(matches!(said, Up::Sums(_)));
    }
}

//! The control plane is away, slow, or a black hole: calls do not notice, and the link finds back by itself.

use std::time::Duration;

use sidegate_policy::Dialect;
use sidegate_testkit::sim::SimConfig;
use sidegate_tests::cable::{Cable, Carry};
use sidegate_tests::client::{Answer, chat, generate, message};
use sidegate_tests::feigned::{Feigned, policy};
use sidegate_tests::objects::{Folder, KEYLESS, denying, simple};
use sidegate_tests::plane::{Linked, Plane, in_force, within};
use sidegate_tests::policy::{provider, snapshot};
use sidegate_tests::stage::{Setting, Stage};
use sidegate_wire::encode_snapshot;
use sidegate_wire::v1::Credentials;
use sidegate_wire::v1::sidecar_message::Message as Up;
use tokio::time::{Instant, sleep};

use crate::{Whole, long_stream};

/// What nobody waits for.
const NOTHING: Duration = Duration::from_millis(5);

/// A simulator that asks for no key, so that what is refused is refused by the sidecar.
fn keyless() -> Setting {
    Setting { sim: SimConfig::default(), ..Setting::default() }
}

impl Whole {
    /// Calls that are all answered, and none of which waits.
    async fn calls_go_on(&mut self) {
        for _ in 0..20 {
            let began = Instant::now();
            let answer = self.stage.call(chat("gpt-4o", "")).await;
            assert_eq!(answer.status, 200, "{}", answer.text());
            assert!(began.elapsed() < NOTHING, "a call waited {:?}", began.elapsed());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn cp1_a_sidecar_that_starts_while_the_control_plane_is_dead_serves_its_stored_policy_without_keys() {
    let objects = simple();
    objects.write("own.yaml", KEYLESS);
    objects.write("policy.yaml", denying("claude-opus-*"));
    let whole = Whole::up(objects).await;
    let version = in_force(&whole.stage);
    let Whole { state, cable, plane, stage, linked, .. } = whole;
    plane.die();
    drop((stage, linked));

    let mut stage = Stage::bare(keyless());
    let linked = Linked::over(&stage, &cable, &state);
    assert!(linked.restored);
    assert_eq!(in_force(&stage), version);
    assert_eq!(stage.call(message("claude-haiku-4-5", "")).await.status, 200);
    assert_eq!(stage.call(message("claude-opus-4-1", "")).await.class(), "model_not_allowed");
    let refused = stage.call(chat("gpt-4o", "")).await;
    assert_eq!((refused.status.as_u16(), refused.class()), (503, "provider_auth"), "{}", refused.text());
    assert_eq!(refused.json()["error"]["sidegate"]["reason"], "no_credential", "{}", refused.text());
    sleep(Duration::from_secs(1)).await;
    let (ready, words) = linked.status.readiness();
    assert!(ready, "{words}");
    let told = ["stored policy", "without its keys", "not connected to the control plane"];
    assert!(told.iter().all(|part| words.contains(part)), "{words}");
    assert_eq!(stage.metric("sidegate_control_stream_up"), 0);
}

#[tokio::test(start_paused = true)]
async fn cp1_a_stored_policy_that_is_damaged_is_not_used() {
    let Whole { state, plane, stage, linked, cable, .. } = Whole::up(simple()).await;
    plane.die();
    drop((stage, linked));
    let stored = std::fs::read(state.path().join("policy.pb")).unwrap();
    let half = stored.len() / 2;
    let flipped = stored.iter().enumerate().map(|(at, byte)| if at == half { byte ^ 1 } else { *byte }).collect();
    for damaged in [stored[..half].to_vec(), flipped, Vec::new(), b"{}".to_vec(), vec![0xff; 10 << 20]] {
        state.write("policy.pb", damaged);
        let mut stage = Stage::bare(Setting::default());
        let linked = Linked::over(&stage, &cable, &state);
        assert!(!linked.restored && !linked.status.readiness().0);
        assert_eq!(stage.call(chat("gpt-4o", "")).await.class(), "control_plane_unavailable");
    }
}

#[tokio::test(start_paused = true)]
async fn cp2_without_control_plane_and_without_stored_policy_a_sidecar_is_not_ready_and_says_so_in_every_dialect() {
    let (cable, state, mut stage) = (Cable::default(), Folder::new("state"), Stage::bare(Setting::default()));
    let linked = Linked::over(&stage, &cable, &state);
    sleep(Duration::from_secs(30)).await;
    let (ready, words) = linked.status.readiness();
    assert!(!ready && words.contains("no policy yet") && words.contains("not connected"), "{words}");
    let asked = [
        (chat("gpt-4o", ""), "/error/type"),
        (message("claude-haiku-4-5", ""), "/error/type"),
        (generate("gemini-2.5-flash", "generateContent"), "/error/status"),
    ];
    for (request, own_word) in asked {
        let answer = stage.call(request).await;
        assert_eq!((answer.status.as_u16(), answer.class()), (503, "control_plane_unavailable"), "{}", answer.text());
        assert!(answer.json().pointer(own_word).is_some_and(|w| w.is_string()), "{}", answer.text());
    }
    assert!(stage.sim.bill().entries().is_empty());

    // It comes, and all is well.
    let objects = simple();
    let _plane = Plane::start(&objects, &cable);
    within(Duration::from_secs(6), "a policy arrives", || linked.status.readiness().0).await;
    assert_eq!(stage.call(chat("gpt-4o", "")).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn cp3_a_control_plane_that_dies_while_serving_fails_no_call_and_makes_none_wait() {
    let mut whole = Whole::up(simple()).await;
    let running = whole.long_stream().await;
    let plane = std::mem::replace(&mut whole.plane, Plane::start(&whole.objects, &Cable::default()));
    plane.die();
    within(Duration::from_secs(1), "the link is down", || !whole.linked.is_up()).await;
    for _ in 0..10 {
        whole.calls_go_on().await;
        sleep(Duration::from_millis(700)).await;
    }
    let running = Answer::read(running).await;
    assert!(running.complete && running.events().last() == Some(&"[DONE]"));
    let (ready, words) = whole.linked.status.readiness();
    assert!(ready && words.contains("not connected"), "{words}");

    // Back with another policy: no step back, although it is another process.
    whole.objects.write("policy.yaml", denying("gpt-4o-mini"));
    whole.plane = Plane::start(&whole.objects, &whole.cable);
    let edited = || whole.plane.sidecar().is_some_and(|s| s.policy == in_force(&whole.stage).into());
    within(Duration::from_secs(6), "the sidecar is back", edited).await;
    assert_eq!(whole.stage.call(chat("gpt-4o-mini", "")).await.class(), "model_not_allowed");
    whole.calls_go_on().await;
}

#[tokio::test(start_paused = true)]
async fn cp4_a_control_plane_that_answers_a_byte_a_second_is_given_up_and_slows_no_call() {
    let mut whole = Whole::up(simple()).await;
    whole.cable.carry(Carry::Crawl);
    whole.objects.write("policy.yaml", denying("gpt-4o-mini"));
    within(Duration::from_secs(20), "the link is given up", || !whole.linked.is_up()).await;
    whole.calls_go_on().await;
    sleep(Duration::from_secs(60)).await;
    whole.calls_go_on().await;
    whole.cable.carry(Carry::All);
    within(Duration::from_secs(21), "the sidecar is back", || whole.linked.is_up()).await;
    whole.in_step().await;
    assert_eq!(whole.stage.call(chat("gpt-4o-mini", "")).await.class(), "model_not_allowed");
}

#[tokio::test(start_paused = true)]
async fn cp4_a_control_plane_that_is_there_and_never_answers_is_given_up() {
    let (cable, state, stage) = (Cable::default(), Folder::new("state"), Stage::bare(Setting::default()));
    let mute = Feigned::mute(&cable);
    let linked = Linked::over(&stage, &cable, &state);
    within(Duration::from_secs(20), "it is asked again", || mute.asked() >= 2).await;
    assert!(!linked.is_up());
    let (_, words) = linked.status.readiness();
    assert!(words.contains("did not answer"), "{words}");
}

#[tokio::test(start_paused = true)]
async fn cp5_a_black_hole_is_noticed_within_fifteen_seconds_at_both_ends() {
    let mut whole = Whole::up(simple()).await;
    for quiet in [0, 3, 9] {
        sleep(Duration::from_secs(quiet)).await;
        whole.cable.carry(Carry::Nothing);
        let patience = Duration::from_secs(15) + NOTHING;
        let noticed = || !whole.linked.is_up() && whole.plane.sidecar().is_none();
        within(patience, "both ends notice", noticed).await;
        whole.calls_go_on().await;
        whole.cable.carry(Carry::All);
        within(Duration::from_secs(11), "the sidecar is back", || whole.linked.is_up()).await;
        whole.in_step().await;
    }
}

#[tokio::test(start_paused = true)]
async fn cp15_a_connection_that_ends_is_resumed_without_a_push() {
    let mut whole = Whole::up(simple()).await;
    let running = whole.long_stream().await;
    let armed = whole.stage.sidecar.armed.load_full().unwrap();
    for _ in 0..3 {
        whole.cable.pull();
        within(Duration::from_secs(1), "the link is down", || !whole.linked.is_up()).await;
        within(Duration::from_secs(6), "the link is up", || whole.linked.is_up()).await;
        whole.in_step().await;
        whole.calls_go_on().await;
    }
    let still = whole.stage.sidecar.armed.load_full().unwrap();
    assert!(std::sync::Arc::ptr_eq(&armed, &still), "something was sent again");
    assert!(Answer::read(running).await.complete);
}

#[tokio::test(start_paused = true)]
async fn cp15_a_stream_that_ends_cleanly_is_opened_again_and_says_what_is_there() {
    let (cable, state, mut stage) = (Cable::default(), Folder::new("state"), Stage::bare(keyless()));
    let mut plane = Feigned::serve(&cable);
    let _linked = Linked::over(&stage, &cable, &state);
    let mut talk = plane.talk().await;
    let hello = talk.hello().await;
    assert_eq!((&*hello.policy_version, hello.epoch, &*hello.credentials_version), ("", 0, ""));
    let sent = policy(encode_snapshot(&snapshot(vec![provider("openai", Dialect::OpenAi, 0)])), 7);
    let keys = Credentials { version: "keys of today".to_owned(), credentials: Vec::new() };
    assert!(matches!(talk.give(keys).await, Up::Ack(ack) if ack.version == "keys of today"));
    assert!(matches!(talk.push(sent.clone()).await, Up::Ack(ack) if ack.version == sent.version));
    for _ in 0..3 {
        sleep(Duration::from_secs(300)).await;
        let began = Instant::now();
        talk.end();
        talk = plane.talk().await;
        assert!(began.elapsed() <= Duration::from_millis(200), "a stream of age was no failure");
        let hello = talk.hello().await;
        assert_eq!((hello.policy_version, hello.epoch), (sent.version.clone(), 7));
        assert_eq!(hello.credentials_version, "keys of today");
    }
    let running = long_stream(&mut stage).await;
    talk.end();
    assert!(Answer::read(running).await.complete);
}

//! Keys: which one a call goes with, and where none may go.

use std::net::SocketAddr;
use std::time::Duration;

use sidegate_controller::Peer;
use sidegate_tests::cable::Cable;
use sidegate_tests::client::{Answer, chat, message};
use sidegate_tests::feigned::Listener;
use sidegate_tests::objects::{Folder, KEYLESS, OPENAI, secret, simple};
use sidegate_tests::plane::{DAY, Linked, Plane, in_force, within};
use sidegate_tests::stage::{Setting, Stage};
use sidegate_wire::v1::control_message::Message as Down;

use crate::{SECOND, Whole};

impl Whole {
    async fn has_no_credential(&mut self) {
        let answer = self.stage.call(chat("gpt-4o", "")).await;
        assert_eq!(answer.status, 503, "{}", answer.text());
        assert_eq!(answer.json()["error"]["sidegate"]["reason"], "no_credential", "{}", answer.text());
    }

    fn problems(&self) -> String {
        self.plane.controller.problems().iter().map(|p| format!("{p}\n")).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn sr1_a_rotated_secret_is_used_within_five_seconds_and_a_running_stream_keeps_the_old_one() {
    let mut whole = Whole::up(simple()).await;
    let running = whole.long_stream().await;
    let policy = in_force(&whole.stage);
    whole.objects.write("secret.yaml", secret("sim-key-b"));
    assert!(whole.rotated().await <= Duration::from_secs(5));
    assert_eq!(whole.stage.call(chat("gpt-4o", "")).await.status, 200);
    let running = Answer::read(running).await;
    assert!(running.complete && running.events().last() == Some(&"[DONE]"));
    assert_eq!(whole.stage.trail(), ["openai/a 200", "openai/b 200"]);
    assert_eq!(in_force(&whole.stage), policy, "keys are no part of the policy");
}

#[tokio::test(start_paused = true)]
async fn sr3_a_deleted_secret_takes_its_calls_out_and_nothing_else() {
    let objects = simple();
    // A second provider of the same dialect, with a key of its own, that must not be used in its place.
    let second = OPENAI
        .replace("{name: openai, namespace", "{name: second, namespace")
        .replace("{name: openai, key", "{name: second, key");
    objects.write(
        "second.yaml",
        format!("{second}---\n{}", secret("sim-key-b").replace("{name: openai,", "{name: second,")),
    );
    objects.write("own.yaml", KEYLESS);
    let mut whole = Whole::up(objects).await;
    let running = whole.long_stream().await;
    whole.objects.remove("secret.yaml");
    whole.rotated().await;
    whole.has_no_credential().await;
    assert!(
        whole.problems().contains("there is no Secret openai in namespace sidegate-system"),
        "{}",
        whole.problems()
    );
    assert!(Answer::read(running).await.complete, "a running stream keeps its key");
    // The simulator wants a key, and says so itself: the call got there.
    assert_eq!(whole.stage.call(message("claude-haiku-4-5", "")).await.status, 502);
    assert_eq!(whole.stage.trail(), ["openai/a 200", "own/- 401"]);

    whole.objects.write("secret.yaml", secret("sim-key-c"));
    whole.rotated().await;
    assert_eq!(whole.stage.call(chat("gpt-4o", "")).await.status, 200);
    assert_eq!(whole.stage.trail().last().unwrap(), "openai/c 200");
}

#[tokio::test(start_paused = true)]
async fn sr5_what_pasting_adds_to_a_key_is_dropped() {
    let mut whole = Whole::up(simple()).await;
    for pasted in ["sim-key-b\n", "\u{feff}sim-key-c", "sim-key-d\r\n", "  sim-key-a\t\n"] {
        whole.objects.write("secret.yaml", secret(pasted));
        whole.rotated().await;
        let answer = whole.stage.call(chat("gpt-4o", "")).await;
        assert_eq!(answer.status, 200, "{pasted:?}: {}", answer.text());
    }
    assert_eq!(whole.stage.trail(), ["openai/b 200", "openai/c 200", "openai/d 200", "openai/a 200"]);
}

#[tokio::test(start_paused = true)]
async fn sr5_a_value_that_is_no_key_is_refused_and_not_shown() {
    let mut whole = Whole::up(simple()).await;
    let long = "canary-".repeat(150_000 / 7);
    let bad = [
        ("", "empty"),
        (" \n", "empty"),
        (&*long, "longer than"),
        ("canary key", "white space"),
        ("canary\u{e9}", "non-ASCII"),
    ];
    for (value, why) in bad {
        whole.objects.write("secret.yaml", secret(value));
        let told = || whole.problems().contains(why);
        within(SECOND, "the problem is told", told).await;
        assert!(whole.problems().contains("key key of Secret openai"), "{}", whole.problems());
        assert!(!whole.problems().contains("canary"), "{}", whole.problems());
        whole.in_step().await;
        whole.has_no_credential().await;
    }
    // Larger than any file may be: the last good one stays.
    whole.objects.write("secret.yaml", secret("sim-key-b"));
    whole.rotated().await;
    whole.objects.write("secret.yaml", secret(&"canary-".repeat(200_000)));
    within(SECOND, "the problem is told", || whole.problems().contains("is larger than")).await;
    assert!(!whole.problems().contains("canary"));
    assert_eq!(whole.stage.call(chat("gpt-4o", "")).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn keys_go_in_the_clear_to_loopback_peers_only() {
    let loopback = ["127.0.0.1:999", "127.8.9.10:999", "[::1]:999", "[::ffff:127.0.0.1]:999"];
    let elsewhere = [
        "10.0.0.7:999",
        "192.168.1.1:999",
        "169.254.1.1:999",
        "8.8.8.8:999",
        "[fe80::1]:999",
        "[::ffff:10.0.0.7]:999",
        "0.0.0.0:999",
    ];
    let objects = simple();
    let first = async |address: &str| {
        let (cable, address) = (Cable::default(), address.parse::<SocketAddr>().unwrap());
        let _plane = Plane::with(objects.path(), &cable, Peer::at(address), DAY);
        let mut listener = Listener::open(&cable, "shop").await;
        listener.hears().await.unwrap()
    };
    for address in loopback {
        assert!(matches!(first(address).await, Down::Credentials(keys) if keys.credentials.len() == 1), "{address}");
    }
    for address in elsewhere {
        assert!(matches!(first(address).await, Down::Policy(_)), "{address}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_sidecar_beyond_loopback_has_its_policy_and_no_key_after_an_edit_either() {
    let (objects, cable, state) = (simple(), Cable::default(), Folder::new("state"));
    let mut stage = Stage::bare(Setting::default());
    let plane = Plane::with(objects.path(), &cable, Peer::at("10.0.0.7:999".parse().unwrap()), DAY);
    let _linked = Linked::over(&stage, &cable, &state);
    within(SECOND, "the policy is in force", || !in_force(&stage).is_empty()).await;
    for value in ["sim-key-b", "sim-key-c"] {
        assert_eq!(stage.call(chat("gpt-4o", "")).await.status, 503);
        objects.write("secret.yaml", secret(value));
        tokio::time::sleep(SECOND).await;
        let seated = plane.sidecar().unwrap();
        assert_eq!((&*seated.credentials, &*seated.policy), ("", &*in_force(&stage)));
    }
    assert!(stage.sim.bill().entries().is_empty());
}

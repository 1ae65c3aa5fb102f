//! Keys that are turned down, and where keys never go.

use std::collections::HashMap;

use sidegate_policy::{Dialect, Snapshot};
use sidegate_proxy::secret::Secret;
use sidegate_testkit::sim::{Fault, Key, SimConfig};
use sidegate_tests::Stage;
use sidegate_tests::client::{chat, generate, message};
use sidegate_tests::policy::{ladder, provider, snapshot};
use sidegate_tests::stage::Setting;

fn status(status: u16, code: Option<&str>) -> Fault {
    Fault::Status { status, headers: Vec::new(), body: None, code: code.map(str::to_owned) }
}

/// Everything that says that a key, or the account behind it, is of no use.
fn turned_down() -> [Fault; 4] {
    [status(401, None), status(402, None), status(403, None), status(429, Some("insufficient_quota"))]
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_turned_down_is_followed_by_the_next_and_then_by_the_next_target() {
    for fault in turned_down() {
        let mut stage = Stage::with(ladder(&[2, 1]));
        stage.fail("first", 9, fault.clone());
        assert_eq!(stage.call(chat("m", "")).await.status, 200, "{fault:?}");
        let mut keys: Vec<String> =
            stage.trail().iter().filter_map(|hit| hit.split(' ').next().map(str::to_owned)).collect();
        keys[..2].sort();
        assert_eq!(keys, ["first/a", "first/b", "second/a"], "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_that_was_turned_down_is_out_for_every_model() {
    for fault in turned_down() {
        let mut stage = Stage::with(snapshot(vec![provider("first", Dialect::OpenAi, 2)]));
        stage.fail("first", 1, fault.clone());
        assert_eq!(stage.call(chat("gpt-4o", "")).await.status, 200);
        let out = stage.trail()[0].split(' ').next().unwrap_or_default().to_owned();
        for n in 0..10 {
            assert_eq!(stage.call(chat(&format!("another-{n}"), "")).await.status, 200);
        }
        let later = stage.trail().split_off(2);
        assert!(later.iter().all(|hit| !hit.starts_with(&out)), "{fault:?}: {out} was asked again: {later:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_key_left_it_is_502_without_the_providers_words() {
    for fault in turned_down() {
        let mut stage = Stage::with(ladder(&[2]));
        stage.fail("first", 9, fault.clone());
        let answer = stage.call(chat("m", "")).await;
        assert_eq!(answer.status, 502, "{fault:?}: {}", answer.text());
        assert_eq!(answer.json()["error"]["sidegate"]["reason"], "credentials_exhausted", "{fault:?}");
        assert!(["provider_auth", "provider_quota"].contains(&answer.class()), "{fault:?}");
        assert_eq!(answer.header("x-should-retry"), "false", "{fault:?}");
        assert!(!answer.text().contains("on demand"), "the provider's words: {}", answer.text());
        assert_eq!(stage.trail().len(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn geminis_400_for_a_wrong_key_is_a_wrong_key() {
    let mut stage = Stage::with(snapshot(vec![provider("first", Dialect::Gemini, 2)]));
    let mut keys: HashMap<_, _> = HashMap::new();
    let id = |name: &str| ("sidegate-system/first".to_owned(), name.to_owned());
    keys.insert(id("a"), Secret::new(b"of nobody"));
    keys.insert(id("b"), Secret::new(b"of nobody either"));
    stage.arm_with(snapshot(vec![provider("first", Dialect::Gemini, 2)]), &keys);
    let answer = stage.call(generate("gemini-2.5-flash", "generateContent")).await;
    assert_eq!(stage.trail(), ["first/- 400", "first/- 400"], "both keys were tried");
    assert_eq!(answer.status, 502);
    assert_eq!(answer.json()["error"]["details"][0]["metadata"]["reason"], "credentials_exhausted");
}

#[tokio::test(start_paused = true)]
async fn credentials_never_cross_providers() {
    let keys = ["first", "second"].map(|n| Key::new(n, format!("key-of-{n}")));
    let setting = || Setting { sim: SimConfig { keys: keys.to_vec(), ..SimConfig::default() }, ..Setting::default() };
    for fault in turned_down().into_iter().chain([status(429, None), status(500, None)]) {
        let mut stage = Stage::set(setting(), ladder(&[1, 1]));
        stage.arm_with(ladder(&[1, 1]), &of_each(&ladder(&[1, 1])));
        stage.fail("first", 9, fault);
        assert_eq!(stage.call(chat("m", "")).await.status, 200);
        for hit in stage.trail() {
            let (host, key) = hit.split_once('/').unwrap_or_default();
            assert!(key.starts_with(host), "a key went elsewhere: {hit}");
        }
    }
}

fn of_each(policy: &Snapshot) -> HashMap<(String, String), Secret> {
    let key = |name: &str| Secret::new(format!("key-of-{name}").as_bytes());
    policy.providers.iter().map(|p| ((p.key.to_string(), "a".to_owned()), key(&p.name))).collect()
}

#[tokio::test(start_paused = true)]
async fn what_the_application_sends_as_a_key_goes_nowhere() {
    let dialects = [Dialect::OpenAi, Dialect::Anthropic, Dialect::Gemini];
    let mut stage = Stage::with(snapshot(dialects.iter().map(|d| provider(d.as_str(), *d, 1)).collect()));
    for request in
        [chat("gpt-4o", ""), message("claude-haiku-4-5", ""), generate("gemini-2.5-flash", "generateContent")]
    {
        assert_eq!(stage.call(request).await.status, 200);
    }
    let bill = stage.sim.bill().entries();
    assert!(bill.iter().all(|e| e.key.as_deref() == Some("a")), "our key went with each");
    let forms = ["authorization", "x-api-key", "x-goog-api-key", "api-key", "cookie"];
    for entry in bill {
        let sent: Vec<&str> = forms.into_iter().filter(|name| entry.header(name).is_some()).collect();
        assert_eq!(sent.len(), 1, "one form of a key: {sent:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn redirects_are_never_followed() {
    for code in [301, 302, 303, 307, 308] {
        let mut stage = Stage::with(ladder(&[1]));
        let location = "http://second.test/v1/chat/completions".to_owned();
        stage.fail("first", 9, Fault::Redirect { status: code, location });
        let answer = stage.call(chat("m", "")).await;
        assert_eq!(answer.status, 502);
        assert_eq!(answer.json()["error"]["sidegate"]["reason"], "unexpected_redirect");
        assert_eq!(answer.header("location"), "");
        assert!(!answer.text().contains("second.test"), "where it leads is nobody's business: {}", answer.text());
        assert_eq!(stage.trail(), [format!("first/a {code}")], "the key was sent once");
    }
}

#[tokio::test(start_paused = true)]
async fn a_redirect_moves_to_the_next_target() {
    let mut stage = Stage::with(ladder(&[1, 1]));
    stage.fail("first", 9, Fault::Redirect { status: 302, location: "http://elsewhere.test/".into() });
    assert_eq!(stage.call(chat("m", "")).await.status, 200);
    assert_eq!(stage.trail(), ["first/a 302", "second/a 200"]);
}

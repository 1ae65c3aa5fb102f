//! `sidegate tap`, `top` and `trace` beside `sidegate dev`, as people call them.

use std::process::{Command, Output};

use serde_json::Value;
use sidegate_tests::plane::within;

use crate::SOON;
use crate::dev::Dev;
use crate::process::{Program, command};

/// A command that asks this control plane.
fn asking(dev: &Dev, arguments: &[&str]) -> Command {
    asking_all(&[dev], arguments)
}

/// A command that asks these control planes, as it would the replicas of one.
fn asking_all(devs: &[&Dev], arguments: &[&str]) -> Command {
    let mut command = command("sidegate", arguments);
    for dev in devs {
        command.args(["--control", &format!("http://{}", dev.ports[5])]);
    }
    command
}

async fn run(dev: &Dev, arguments: &[&str]) -> Output {
    finish(asking(dev, arguments)).await
}

async fn finish(mut command: Command) -> Output {
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[tokio::test]
async fn tap_shows_calls_as_they_end_and_ends_after_as_many_as_were_asked_for() {
    let dev = Dev::start(&[]).await;
    assert!(dev.program.said().contains(&format!("sidegate tap --control http://{}", dev.ports[5])));
    let all = Program::spawn("sidegate tap", asking(&dev, &["tap", "--count", "2"]));
    let refused =
        Program::spawn("sidegate tap", asking(&dev, &["tap", "--outcome", "error", "-o", "json", "--count", "1"]));
    for tap in [&all, &refused] {
        within(SOON, "it watches", || tap.told().contains("watching 1 sidecar\n")).await;
    }
    // The sidecar is asked a moment after the person is answered: calls go on until both have seen theirs.
    let (mut answered, mut turned_down, began) = (Vec::new(), Vec::new(), tokio::time::Instant::now());
    while all.code().is_none() || refused.code().is_none() {
        assert!(began.elapsed() < SOON, "{}{}", all.told(), refused.told());
        answered.push(dev.call("fast", "").await.header("x-sidegate-request-id").to_owned());
        turned_down.push(dev.call("gpt-3.5-turbo", "").await.header("x-sidegate-request-id").to_owned());
    }
    assert_eq!((all.code(), refused.code()), (Some(Some(0)), Some(Some(0))), "{}{}", all.told(), refused.told());
    let (said, _) = all.whole();
    // Two calls in a row: one of each kind, whichever was the first that was watched.
    let mut lines: Vec<&str> = said.lines().collect();
    lines.sort_by_key(|line| line.contains(" refused "));
    let [good, bad] = &lines[..] else { panic!("{said}") };
    let is_of = |line: &str, ids: &[String]| ids.iter().any(|id| line.ends_with(id.as_str()));
    assert!(good.contains(" default/dev ") && good.contains("fast → openai"), "{good}");
    assert!(good.contains(" 200 ") && is_of(good, &answered), "{good}");
    assert!(bad.contains("refused model_not_allowed") && is_of(bad, &turned_down), "{bad}");
    assert!(!said.contains('\u{1b}'), "{said}");
    let seen: Value = serde_json::from_str(refused.whole().0.trim()).unwrap();
    let id = seen["call"]["request_id"].as_str().unwrap();
    assert!(is_of(id, &turned_down), "{seen}");
    assert_eq!((&seen["namespace"], &seen["workload"]), (&"default".into(), &"deployment/dev".into()));
}

#[tokio::test]
async fn trace_shows_what_became_of_a_call() {
    let dev = Dev::start(&[]).await;
    let answer = dev.call("fast", "").await;
    let id = answer.header("x-sidegate-request-id");
    let shown = run(&dev, &["trace", id]).await;
    let tree = text(&shown.stdout);
    assert_eq!(shown.status.code(), Some(0), "{}", text(&shown.stderr));
    for told in [
        id,
        "of pod default/dev (deployment/dev, ServiceAccount default)",
        "routed by AIPolicy/sidegate-system/everyone spec.routes[fast] (generation 1)",
        "target 1 sidegate-system/",
        "took of what was held: in ",
        "attempt 1 sidegate-system/",
        "ended with 200 after ",
    ] {
        assert!(tree.contains(told), "{told}: {tree}");
    }
    let yaml = text(&run(&dev, &["trace", id, "-o", "yaml"]).await.stdout);
    assert!(yaml.contains(&format!("request_id: {id}")), "{yaml}");
    let json: Value = serde_json::from_slice(&run(&dev, &["trace", id, "-o", "json"]).await.stdout).unwrap();
    assert_eq!((&json["call"]["status"], &json["pod"]), (&200.into(), &"dev".into()), "{json}");
    let unknown = run(&dev, &["trace", &"0".repeat(32)]).await;
    assert_eq!((unknown.status.code(), unknown.stdout.len()), (Some(1), 0));
    assert!(text(&unknown.stderr).contains("none of 1 that answered remembers it"), "{}", text(&unknown.stderr));
}

#[tokio::test]
async fn top_is_one_table_where_it_is_no_terminal() {
    let dev = Dev::start(&[]).await;
    let none = text(&run(&dev, &["top"]).await.stdout);
    assert!(none.contains("no calls"), "{none}");
    let mut tokens = 0;
    for _ in 0..3 {
        tokens += dev.call("fast", "").await.json()["usage"]["prompt_tokens"].as_u64().unwrap();
    }
    dev.call("gpt-3.5-turbo", "").await;
    let began = tokio::time::Instant::now();
    let top = loop {
        let top: Value = serde_json::from_slice(&run(&dev, &["top", "-o", "json"]).await.stdout).unwrap();
        if top["total"]["calls"] == 4 {
            break top;
        }
        assert!(began.elapsed() < SOON, "{top}");
    };
    let row = &top["rows"][0];
    assert_eq!((&row["workload"], &row["inputTokens"]), (&"deployment/dev".into(), &tokens.into()), "{top}");
    assert_eq!(row["failures"][0]["why"], "model_not_allowed", "{top}");
    let models = text(&run(&dev, &["top", "--by", "model", "-n", "default"]).await.stdout);
    assert!(models.contains("MODEL") && models.contains("gpt-4o-mini") && models.contains("TOTAL"), "{models}");
    let elsewhere = text(&run(&dev, &["top", "-n", "elsewhere"]).await.stdout);
    assert!(elsewhere.contains("0 sidecars") && elsewhere.contains("no calls"), "{elsewhere}");
}

#[tokio::test]
async fn several_replicas_answer_as_one() {
    let (one, mut two) = (Dev::start(&[]).await, Dev::start(&[]).await);
    let both = [&one, &two];
    let tap = Program::spawn("sidegate tap", asking_all(&both, &["tap", "-o", "json"]));
    within(SOON, "it watches", || tap.told().contains("watching 2 sidecars\n")).await;
    let (mut calls, began) = ([Vec::new(), Vec::new()], tokio::time::Instant::now());
    let seen = |ids: &[String]| ids.iter().any(|id| tap.said().contains(id.as_str()));
    while !calls.iter().all(|ids| seen(ids)) {
        assert!(began.elapsed() < SOON, "{}", tap.told());
        for (dev, ids) in both.iter().zip(&mut calls) {
            ids.push(dev.call("fast", "").await.header("x-sidegate-request-id").to_owned());
        }
    }
    for id in calls.iter().filter_map(|ids| ids.last()) {
        let tree = text(&finish(asking_all(&both, &["trace", id])).await.stdout);
        assert!(tree.contains(id.as_str()) && tree.contains("ended with 200"), "{tree}");
    }
    let unknown = finish(asking_all(&both, &["trace", &"0".repeat(32)])).await;
    assert!(text(&unknown.stderr).contains("none of 2 that answered remembers it"), "{}", text(&unknown.stderr));
    let all = calls.iter().map(Vec::len).sum::<usize>();
    let top = loop {
        let top: Value =
            serde_json::from_slice(&finish(asking_all(&both, &["top", "-o", "json"])).await.stdout).unwrap();
        if top["total"]["calls"] == all {
            break top;
        }
        assert!(began.elapsed() < SOON * 2, "{top}");
    };
    let [row] = &top["rows"].as_array().unwrap()[..] else { panic!("{top}") };
    assert_eq!((&row["calls"], &top["replicas"], &top["sidecars"]), (&all.into(), &2.into(), &2.into()), "{top}");
    // One that goes is told of, and the other is shown.
    two.program.crash();
    let (both, gone) = ([&one, &two], two.ports[5].to_string());
    within(SOON, "a word of it", || tap.told().contains(&gone)).await;
    let then = || tap.told().split_once(&gone).is_some_and(|(_, then)| then.contains("watching 1 sidecar\n"));
    within(SOON, "it watches the other", then).await;
    let (mut ids, began) = (Vec::new(), tokio::time::Instant::now());
    while !seen(&ids) {
        assert!(began.elapsed() < SOON, "{}", tap.told());
        ids.push(one.call("fast", "").await.header("x-sidegate-request-id").to_owned());
    }
    let id = ids.pop().unwrap();
    let tree = text(&finish(asking_all(&both, &["trace", &id])).await.stdout);
    assert!(tree.contains(&id), "{tree}");
    let failed = finish(asking_all(&both, &["top"])).await;
    assert!(text(&failed.stderr).contains(&gone), "{}", text(&failed.stderr));
}

#[tokio::test]
async fn wrong_use_and_a_control_plane_that_is_not_there_are_told() {
    let [nobody] = crate::ports::free();
    let away = format!("http://{nobody}");
    for (arguments, code, told) in [
        (&["tap", "--control", &away][..], 69, "kubectl port-forward"),
        (&["tap", "--control", "http://10.0.0.1:4780"], 64, "loopback"),
        (&["top", "--control", "https://127.0.0.1:4780"], 64, "not encrypted"),
        (&["tap", "--outcome", "sometimes"], 64, "client_cancelled"),
        (&["tap", "--model", "a*b"], 64, "leading or trailing"),
        (&["top", "--last", "1h"], 64, "30s to 15m"),
        (&["top", "-n", "shop", "-A"], 64, "cannot be used with"),
    ] {
        let mut command = command("sidegate", arguments);
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        let error = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {error}");
        assert!(error.contains(told) && output.stdout.is_empty(), "{arguments:?}: {error}");
    }
}

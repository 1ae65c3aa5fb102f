//! What calls of every kind of end write is as published, and every field that is published is written by some call.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use sidegate_policy::{Dialect, HeaderMatch, Mode, Snapshot, Unit};
use sidegate_testkit::sim::{Answers, Fault, Rule};
use sidegate_tests::client::{chat, message, post, with};
use sidegate_tests::policy::{ladder, limit, list, platform, provider, route, snapshot};
use sidegate_tests::{Stage, audit};
use tokio::time::timeout;

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// Two providers in a row, and rules of which some win, some lose, some only tell.
fn rules() -> Snapshot {
    let mut policy = ladder(&[1, 1]);
    policy.providers.push(provider("claude", Dialect::Anthropic, 1));
    // A target that speaks another language stands in every plan as left out.
    policy.routes[0].targets.push(route("m", &[(2, "claude-haiku-4-5", 1, 9)]).targets.remove(0));
    let mut later = route("m", &[(0, "", 1, 0)]);
    later.name = "later".into();
    policy.routes.push(later);
    let mut gold = route("gold", &[(0, "", 1, 0)]);
    gold.matches[0].headers.push(HeaderMatch { name: "x-tier".into(), value: "gold".into() });
    policy.routes.push(gold);
    policy.deny.push(list(&["never-*"]));
    let mut trial = list(&["m"]);
    (trial.mode, trial.rank) = (Mode::DryRun, platform());
    policy.deny.push(trial);
    let mut told = limit("told", Unit::Requests, 1, Duration::from_secs(60));
    told.mode = Mode::DryRun;
    policy.limits = vec![limit("burst", Unit::Requests, 20, Duration::from_secs(3_600)), told];
    policy.sealed()
}

/// The names in a line's call, and in the objects below it.
fn seen(line: &Value, into: &mut BTreeSet<String>) {
    match line {
        Value::Object(members) => members.iter().for_each(|(name, value)| {
            into.insert(name.clone());
            if name != "attributes" {
                seen(value, into);
            }
        }),
        Value::Array(entries) => entries.iter().for_each(|entry| seen(entry, into)),
        _ => {}
    }
}

/// Calls of every kind of end.
async fn run(stage: &mut Stage) -> Vec<Value> {
    let status = |status| Fault::Status { status, headers: Vec::new(), body: None, code: None };
    stage.sim.set_answers(Answers { cached: 3, cache_write: 1, reasoning: 5, ..Answers::default() });
    // Plain, in a trace, streamed, in two turns of one conversation.
    stage.call(with(chat("m", ""), "traceparent", PARENT)).await;
    stage.call(chat("m", r#","stream":true"#)).await;
    let turn =
        r#"{"role":"user","content":"hello"},{"role":"assistant","content":"hi"},{"role":"user","content":"on"}"#;
    stage.call(post("/v1/chat/completions", format!(r#"{{"model":"m","messages":[{turn}]}}"#))).await;
    stage.call(message("claude-haiku-4-5", "")).await;
    // A fallback, a failure in all places, a stream that is cut, usage that is missing, an error that is passed on.
    stage.fail("first", 2, status(500));
    stage.call(chat("m", r#","user":"two""#)).await;
    stage.sim.add_faults(vec![Rule::times(4, status(503))]);
    stage.call(chat("m", r#","user":"three""#)).await;
    stage.sim.clear_faults();
    stage.sim.add_faults(vec![Rule::times(1, Fault::Cut { after_event: Some(3), at_byte: None, reset: false })]);
    stage.call(chat("gpt-4o", r#","stream":true"#)).await;
    let spoilt = sidegate_testkit::sim::fault::UsageAs::Missing;
    stage.sim.add_faults(vec![Rule::times(1, Fault::Usage { spoilt })]);
    stage.call(chat("gpt-4o", "")).await;
    stage.sim.add_faults(vec![Rule::times(1, status(400))]);
    stage.call(chat("gpt-4o", "")).await;
    // Refused for the model, for the header that is missing, for its form; answered here; by a limit.
    stage.call(chat("never-1", "")).await;
    stage.call(chat("gold", "")).await;
    stage.call(post("/v1/chat/completions", "{")).await;
    stage.call(post("/v1/nowhere", "{}")).await;
    let mut models = post("/v1/models", "");
    *models.method_mut() = http::Method::GET;
    stage.call(models).await;
    // Its caller leaves.
    stage.sim.add_faults(vec![Rule::times(1, Fault::Delay { ms: 60_000 })]);
    let mut client = stage.client().await;
    let left = timeout(Duration::from_secs(1), client.send(chat("gpt-4o", ""))).await;
    assert!(left.is_err(), "it was still waiting");
    client.leave();
    for _ in 0..20 {
        stage.call(chat("m", "")).await;
    }
    stage.settled().await;
    // Each line is held against the schema here.
    stage.audit()
}

#[tokio::test(start_paused = true)]
async fn every_field_that_is_published_is_written_by_some_call_and_every_line_is_as_published() {
    let mut stage = Stage::with(rules());
    let lines = run(&mut stage).await;
    let mut names = BTreeSet::new();
    lines.iter().for_each(|line| seen(line, &mut names));
    let outcomes: BTreeSet<&str> = lines.iter().filter_map(|line| line["outcome"].as_str()).collect();
    assert_eq!(outcomes, BTreeSet::from(["answered", "client_cancelled", "failed", "refused"]));
    let mut published = BTreeSet::new();
    for object in ["call", "attempt", "lost", "left_out", "dry_run"] {
        published.append(&mut audit::fields(object));
    }
    // The stage's sidecar is not in a workload, no policy names attributes here, and spans go nowhere.
    let elsewhere = ["pod", "workload", "attributes", "sampled"];
    let here = |name: &&String| !elsewhere.contains(&name.as_str());
    let missing: Vec<&String> = published.difference(&names).filter(here).collect();
    assert!(missing.is_empty(), "written by none of these calls: {missing:?}");
}

#[tokio::test(start_paused = true)]
async fn a_line_that_is_not_as_published_is_known_as_such() {
    let mut stage = Stage::with(snapshot(vec![provider("openai", Dialect::OpenAi, 1)]));
    stage.call(chat("gpt-4o", "")).await;
    let line = stage.line().await;
    assert_eq!(audit::wrong(&line), None);
    for (name, value) in [
        ("prompt", json!("hello")),
        ("schema", json!(2)),
        ("outcome", json!("perhaps")),
        ("bytes_in", json!(-1)),
        ("model", json!("x".repeat(300))),
        ("request_id", json!("none")),
        ("attributes", json!({"purpose": 5})),
    ] {
        let mut spoilt = line.clone();
        spoilt[name] = value;
        assert!(audit::wrong(&spoilt).is_some(), "{name}: {spoilt}");
    }
    let mut nested = line.clone();
    nested["attempts"][0]["prompt"] = "hello".into();
    assert!(audit::wrong(&nested).is_some());
    let mut lacking = line;
    lacking.as_object_mut().and_then(|line| line.remove("outcome")).unwrap();
    assert!(audit::wrong(&lacking).is_some());
}

//! Keys, and what people wrote: put into every place that text can come from, over every way that a call can go wrong,
//! and in no output of any program, in no spelling and not by half.
//!
//! What is shown by design is the model's name, what policy names as an attribute, the names and ids that a provider
//! gives its answers, in spans the trace's state, the conversation and the names and ids of tools, and nothing else that comes from outside; `docs/audit.md` says so, and it is looked for here where it
//! should be, so that the search is known to find.

mod breaking;
mod inputs;
mod objects;

use std::net::SocketAddr;
use std::time::Duration;

use sidegate_testkit::sim::{Key, SimConfig};
use sidegate_testkit::sink::Sink;
use sidegate_tests::audit;
use sidegate_tests::canary::{Outputs, spellings};
use sidegate_tests::objects::Folder;
use sidegate_tests::plane::within;
use tokio::time::sleep;

use crate::http::{Connection, ask, call, get};
use crate::ports::free;
use crate::process::{Program, command};
use crate::{Apart, Provider, SOON, control_plane_flags, ended, sidecar_flags};

/// A provider's key, with signs that every encoding changes.
const KEY: &str = "sk-canary+Key/7\"&%=~0123456789abcdef";
/// What the application thinks is its key.
const OWN: &str = "app-canary-key-zyxwvut";
/// What it puts where keys are put, too.
const QUERY: &str = "query-canary-key-zyxwvut";
/// A person, in the ways that people are told apart.
const NAME: &str = "Leonore Zo\u{eb} Canary-M\u{fc}ller \u{1f426}";
const EMAIL: &str = "leonore.canary+tag@example.test";
const PHONE: &str = "+49 (151) 2345-67890";
/// Something of which there is only one.
const TOKEN: &str = "tok_canary_9f8e7d6c5b4a3210";
/// What the provider says.
const ANSWER: &str = "the provider's own canary+Words/5\"&%=~";
/// What stands beside an object.
const NOTE: &str = "annotated canary+Note/3\"&%=~";

const ALL: [&str; 9] = [KEY, OWN, QUERY, NAME, EMAIL, PHONE, TOKEN, ANSWER, NOTE];

/// Shown by design: the model that was asked for.
const MODEL: &str = "shown-canary-model";
/// And what policy names as an attribute,
const PURPOSE: &str = "shown-canary-purpose";
/// and in spans the state of the caller's trace, and the conversation.
const STATE: &str = "shown-canary-state";
const CONVERSATION: &str = "shown-canary-conversation";

/// Everything in one text.
fn person() -> String {
    format!("{NAME} <{EMAIL}> {PHONE} {TOKEN}")
}

/// A sidecar that says all that it ever says.
fn sidecar(state: &Folder, calls: SocketAddr, health: SocketAddr, control: SocketAddr, spans: SocketAddr) -> Program {
    let flags = sidecar_flags(state, calls, health, control);
    let mut command = command("sidegate-proxy", &flags.iter().map(String::as_str).collect::<Vec<_>>());
    command.env("SIDEGATE_LOG", "debug").env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{spans}"));
    Program::spawn("sidegate-proxy", command)
}

async fn start(objects: &Folder, spans: SocketAddr) -> Apart {
    let [calls, health, control, live, control_health] = free();
    let state = Folder::new("state");
    let flags = control_plane_flags(objects, [control, live, control_health]);
    let mut controller = command("sidegate-controller", &flags.iter().map(String::as_str).collect::<Vec<_>>());
    controller.env("RUST_LOG", "debug");
    let controller = Program::spawn("sidegate-controller", controller);
    let sidecar = sidecar(&state, calls, health, control, spans);
    let apart = Apart { controller, sidecar, calls, health, control, live, control_health, state };
    apart.ready("ready with policy").await;
    apart
}

#[tokio::test]
async fn se2_no_key_and_nothing_that_people_wrote_is_in_any_output() {
    // Every key is taken, so that the sidecar's own cannot be found by a provider's refusal of it.
    let keys = vec![Key::new("canary", KEY)];
    let provider = Provider::with(SimConfig { keys, bill_bodies: false, ..SimConfig::default() }).await;
    let files = Folder::new("objects");
    objects::write(&files, provider.at);
    let sink = Sink::start().await.unwrap();
    let apart = start(&files, sink.address()).await;
    let mut outputs = Outputs::default();
    let tap = watching(&apart).await;

    for request in inputs::all() {
        let answer = call(apart.calls, request).await.unwrap();
        outputs.add("an answer's head", format!("{:?}", answer.headers));
        let text = answer.text();
        assert!(!spellings(KEY).iter().any(|key| text.contains(key)), "{text}");
    }
    inputs::raw(apart.calls).await;
    assert!(provider.sim.bill().entries().iter().any(|e| e.key.as_deref() == Some("canary")), "the key was used");
    breaking::provider(&provider.sim, apart.calls).await;
    let mut leaving = Connection::open(apart.calls).await.unwrap();
    let _ = leaving.send(inputs::streamed()).await;
    drop(leaving);
    breaking::ways(apart.calls).await;
    objects::spoil(&files, &apart.controller).await;
    objects::limit(&files, &apart.controller).await;
    for _ in 0..3 {
        call(apart.calls, inputs::asking_for(MODEL)).await.unwrap();
    }
    alone(&mut outputs, sink.address()).await;
    gather(&mut outputs, &apart).await;
    looked_up(&mut outputs, &apart, &tap).await;
    end(&mut outputs, apart, tap).await;
    for taken in sink.taken() {
        outputs.add("spans", format!("{taken:?}"));
    }

    for class in breaking::CLASSES {
        assert!(outputs.have("audit.jsonl", &format!("\"class\":\"{class}\"")), "nothing ended as `{class}`");
    }
    for (name, shown) in [
        ("audit.jsonl", MODEL),
        ("audit.jsonl", PURPOSE),
        ("the admin socket's /calls", MODEL),
        ("spans", MODEL),
        ("spans", PURPOSE),
        ("spans", STATE),
        ("sidegate tap", MODEL),
        ("sidegate top", MODEL),
        ("sidegate trace", "ended with"),
    ] {
        assert!(outputs.have(name, shown), "{name} lacks {shown}, which is shown by design");
    }
    assert!(outputs.have("policy.pb", "openai") && outputs.have("sidegate-controller's output", "\"found\""));
    assert!(outputs.have("sidegate-controller's errors", "DEBUG") && outputs.have("sidegate-proxy's errors", "DEBUG"));
    for shown in [MODEL, PURPOSE, STATE, CONVERSATION] {
        let elsewhere: Vec<String> = outputs.with(shown).into_iter().filter(|place| !is_record(place)).collect();
        assert!(elsewhere.is_empty(), "{elsewhere:?}");
    }
    for canary in ALL {
        outputs.hold_none_of(canary);
    }
}

/// Where calls are told one by one.
fn is_record(place: &str) -> bool {
    let records =
        ["audit.jsonl", "the admin socket's /calls", "spans", "sidegate tap", "sidegate top", "sidegate trace"];
    records.iter().any(|record| place.contains(record))
}

/// A sidecar that never had a control plane.
async fn alone(outputs: &mut Outputs, spans: SocketAddr) {
    let [calls, health, control, _] = free();
    let state = Folder::new("state-alone");
    let mut program = sidecar(&state, calls, health, control, spans);
    let up = tokio::time::Instant::now();
    while Connection::open(calls).await.is_err() {
        assert!(up.elapsed() < crate::START, "{}", program.told());
        sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(call(calls, inputs::plain()).await.unwrap().status, 503);
    program.signal("TERM");
    assert_eq!(ended(&mut program, SOON).await, Some(0));
    outputs.files(state.path());
    let (said, told) = program.whole();
    outputs.add("sidegate-proxy's output, alone", said);
    outputs.add("sidegate-proxy's errors, alone", told);
}

/// What ports and sockets show while the programs run.
async fn gather(outputs: &mut Outputs, apart: &Apart) {
    for at in [apart.health, apart.control_health] {
        for path in ["/livez", "/readyz", "/metrics"] {
            outputs.add(format!("{at}{path}"), get(at, path).await.unwrap().text());
        }
    }
    let socket = apart.state.path().join("admin.sock");
    for path in ["/status", "/calls"] {
        outputs.add(format!("the admin socket's {path}"), ask(&socket, path).await.unwrap().text());
    }
}

/// Somebody who watches all calls, as programs read them.
async fn watching(apart: &Apart) -> Program {
    let control = format!("http://{}", apart.live);
    let tap = Program::start("sidegate", &["tap", "-o", "json", "--control", &control]);
    within(SOON, "it watches", || tap.told().contains("watching 1 sidecar")).await;
    tap
}

/// What people are shown who ask afterwards.
async fn looked_up(outputs: &mut Outputs, apart: &Apart, tap: &Program) {
    let control = format!("http://{}", apart.live);
    within(SOON, "the last calls are seen", || tap.said().contains(MODEL)).await;
    let seen = tap.said();
    let last: serde_json::Value = serde_json::from_str(seen.lines().last().unwrap()).unwrap();
    let id = last["call"]["request_id"].as_str().unwrap();
    // Sums are told every five seconds.
    sleep(Duration::from_secs(6)).await;
    for command in [&["top", "--by", "model", "--rows", "1000"][..], &["trace", id], &["trace", id, "-o", "json"]] {
        let mut program = Program::start("sidegate", &[command, &["--control", &control]].concat());
        assert_eq!(ended(&mut program, SOON).await, Some(0), "{}", program.told());
        let (said, told) = program.whole();
        outputs.add(format!("sidegate {}", command.join(" ")), said + &told);
    }
}

/// Ends the programs, and takes all that they have written.
async fn end(outputs: &mut Outputs, mut apart: Apart, mut tap: Program) {
    let file = apart.state.path().join("audit.jsonl");
    for program in [&apart.sidecar, &apart.controller] {
        program.signal("TERM");
    }
    assert_eq!(ended(&mut apart.sidecar, SOON).await, Some(0));
    assert_eq!(ended(&mut apart.controller, SOON).await, Some(0));
    assert_eq!(ended(&mut tap, SOON).await, Some(69));
    let (said, told) = tap.whole();
    outputs.add("sidegate tap", said + &told);
    let lines = audit::lines(&std::fs::read_to_string(&file).unwrap());
    assert!(lines.len() > 50, "{} lines", lines.len());
    outputs.files(apart.state.path());
    for program in [apart.sidecar, apart.controller] {
        let name = program.name().to_owned();
        let (said, told) = program.whole();
        outputs.add(format!("{name}'s output"), said);
        outputs.add(format!("{name}'s errors"), told);
    }
}

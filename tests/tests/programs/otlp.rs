//! A sidecar's program and its tracing back-end: what it is told at start, what it logs, how it ends.

use std::net::SocketAddr;
use std::time::Duration;

use sidegate_testkit::sink::{Mood, Sink, told};
use sidegate_tests::client::chat;
use sidegate_tests::objects::Folder;
use sidegate_tests::plane::within;
use tokio::net::TcpListener;
use tokio::time::Instant;

use crate::http::{Connection, call, get};
use crate::ports::free;
use crate::process::{Program, command};
use crate::{SOON, START, ended};

/// A sidecar without a control plane: its calls are refused, and refusals are traced.
struct Alone {
    program: Program,
    calls: SocketAddr,
    health: SocketAddr,
    _state: Folder,
}

impl Alone {
    async fn start(environment: &[(&str, &str)]) -> Self {
        let [calls, health, nobody] = free();
        let state = Folder::new("otlp");
        let mut command = command("sidegate-proxy", &["--drain-seconds", "1", "--audit", "/dev/null"]);
        command.args(["--listen", &calls.to_string(), "--metrics-listen", &health.to_string()]);
        command.args(["--control", &format!("http://{nobody}"), "--state-dir"]).arg(state.path());
        command.envs(environment.iter().copied());
        let program = Program::spawn("sidegate-proxy", command);
        let began = Instant::now();
        while get(health, "/livez").await.is_err() {
            assert!(began.elapsed() < START, "{}", program.told());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Self { program, calls, health, _state: state }
    }

    async fn refused(&self) {
        assert_eq!(call(self.calls, chat("m", "")).await.unwrap().class(), "control_plane_unavailable");
    }
}

#[tokio::test]
async fn the_environment_says_where_traces_go_and_as_whose() {
    let sink = Sink::start().await.unwrap();
    let to = format!("http://{}", sink.address());
    let environment = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", to.as_str()),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "grpc"),
        ("OTEL_SERVICE_NAME", "gateway-of-shop"),
        ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test"),
        ("SIDEGATE_POD", "web-1"),
        ("OTEL_EXPORTER_OTLP_HEADERS", ""),
    ];
    let sidecar = Alone::start(&environment).await;
    sidecar.refused().await;
    within(SOON, "a span", || !sink.spans().is_empty()).await;
    let taken = sink.taken().remove(0);
    let resource = &taken.request.resource_spans[0].resource.as_ref().unwrap().attributes;
    for (name, value) in
        [("service.name", "gateway-of-shop"), ("deployment.environment.name", "test"), ("k8s.pod.name", "web-1")]
    {
        assert_eq!(told(resource, name).as_deref(), Some(value), "{name}");
    }
    let span = &sink.spans()[0];
    assert_eq!(told(&span.attributes, "error.type").as_deref(), Some("control_plane_unavailable"));
}

#[tokio::test]
async fn a_wrong_value_ends_it_with_64_and_is_not_shown() {
    for (name, value) in [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "CANARY"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "authorization: CANARY"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "CANARY"),
        ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/nowhere"),
    ] {
        let mut command = command("sidegate-proxy", &["--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"]);
        command.env("OTEL_EXPORTER_OTLP_ENDPOINT", "https://127.0.0.1:1").env(name, value);
        let mut program = Program::spawn("sidegate-proxy", command);
        assert_eq!(ended(&mut program, SOON).await, Some(64), "{name}");
        let (said, told) = program.whole();
        assert!(!said.contains("CANARY") && !told.contains("CANARY"), "{told}");
        assert!(told.contains("OTLP"), "{told}");
    }
}

#[tokio::test]
async fn the_help_shows_no_key_of_the_back_end() {
    let mut command = command("sidegate-proxy", &["--help"]);
    command.env("OTEL_EXPORTER_OTLP_HEADERS", "authorization=CANARY").env("OTEL_EXPORTER_OTLP_ENDPOINT", "CANARY");
    let mut program = Program::spawn("sidegate-proxy", command);
    assert_eq!(ended(&mut program, SOON).await, Some(0));
    let (said, _) = program.whole();
    assert!(said.contains("OTEL_EXPORTER_OTLP_HEADERS") && !said.contains("CANARY"), "{said}");
}

/// Resident memory of a process, in bytes.
fn resident(pid: u32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
}

#[tokio::test]
async fn ot1_a_dead_back_end_takes_less_than_four_mebibytes() {
    let sidecar = Alone::start(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")]).await;
    let mut connection = Connection::open(sidecar.calls).await.unwrap();
    let mut calls = async |many: u32| {
        for _ in 0..many {
            assert_eq!(connection.call(chat("m", "")).await.unwrap().class(), "control_plane_unavailable");
        }
    };
    calls(200).await;
    let before = resident(sidecar.program.pid());
    // Each is traced, as a refusal, and they are more than find room.
    calls(6_000).await;
    let lost = get(sidecar.health, "/metrics").await.unwrap();
    let lost =
        lost.text().lines().find_map(|line| line.strip_prefix(r#"sidegate_spans_dropped_total{reason="queue_full"} "#));
    assert!(lost.and_then(|n| n.parse::<u64>().ok()).is_some_and(|n| n > 0), "{lost:?}");
    let grown = resident(sidecar.program.pid()).saturating_sub(before);
    assert!(grown < 4 << 20, "{grown} bytes more");
}

#[tokio::test]
async fn ot2_a_back_end_that_tells_our_headers_back_is_not_repeated() {
    let sink = Sink::start().await.unwrap();
    let to = format!("http://{}", sink.address());
    for (protocol, status) in [("grpc", 401), ("grpc", 503), ("http/protobuf", 401), ("http/protobuf", 503)] {
        sink.set(Mood::Echo(status));
        let before = sink.asked();
        let sidecar = Alone::start(&[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", to.as_str()),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol),
            ("OTEL_EXPORTER_OTLP_HEADERS", "x-canary=CANARY-KEY"),
            ("SIDEGATE_LOG", "debug"),
        ])
        .await;
        sidecar.refused().await;
        within(SOON, "a request", || sink.asked() > before).await;
        within(SOON, "a warning", || sidecar.program.told().contains("does not take spans")).await;
        let told = sidecar.program.told();
        assert!(!told.contains("CANARY") && !told.to_lowercase().contains("x-canary"), "{told}");
    }
}

#[tokio::test]
async fn ot3_a_sidecar_with_a_dead_back_end_ends_within_two_seconds() {
    let sink = Sink::start().await.unwrap();
    sink.set(Mood::Stall);
    let stalled = format!("http://{}", sink.address());
    // Takes connections as far as the system does it by itself, and never reads.
    let deaf = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let deaf = format!("http://{}", deaf.local_addr().unwrap());
    for to in
        [stalled.as_str(), deaf.as_str(), "http://127.0.0.1:1", "http://192.0.2.1:4317", "http://no.such.name.invalid"]
    {
        for protocol in ["grpc", "http/protobuf"] {
            let environment = [("OTEL_EXPORTER_OTLP_ENDPOINT", to), ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)];
            let mut sidecar = Alone::start(&environment).await;
            sidecar.refused().await;
            // So that sending is under way.
            tokio::time::sleep(Duration::from_millis(700)).await;
            let began = Instant::now();
            sidecar.program.signal("TERM");
            assert_eq!(ended(&mut sidecar.program, SOON).await, Some(0), "{}", sidecar.program.told());
            assert!(began.elapsed() < Duration::from_secs(2), "{to} {protocol}: {:?}", began.elapsed());
        }
    }
}

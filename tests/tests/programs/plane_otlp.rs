//! The control plane's program and its own OTLP back-end: what is told there, and what that costs.

use std::net::SocketAddr;
use std::time::Duration;

use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use opentelemetry_proto::tonic::metrics::v1::{HistogramDataPoint, Metric, NumberDataPoint};
use opentelemetry_proto::tonic::trace::v1::Span;
use sidegate_testkit::sink::{Mood, Sink, SinkTls, told};
use sidegate_tests::audit;
use sidegate_tests::objects::{Folder, denying};
use sidegate_tests::plane::within;
use tokio::net::TcpListener;
use tokio::time::Instant;

use crate::http::get;
use crate::ports::free;
use crate::process::{Program, command};
use crate::{Apart, Provider, SOON, control_plane_flags, ended, sidecar};

/// A control plane with that environment, and a sidecar of it.
async fn apart(objects: &Folder, environment: &[(&str, &str)]) -> Apart {
    let [calls, health, control, live, control_health] = free();
    let state = Folder::new("state");
    let flags = control_plane_flags(objects, [control, live, control_health]);
    let mut command = command("sidegate-controller", &flags.iter().map(String::as_str).collect::<Vec<_>>());
    command.env("OTEL_BSP_SCHEDULE_DELAY", "100").envs(environment.iter().copied());
    let apart = Apart {
        controller: Program::spawn("sidegate-controller", command),
        sidecar: sidecar(&state, calls, health, control),
        calls,
        health,
        control,
        live,
        control_health,
        state,
    };
    apart.ready("ready with policy").await;
    apart
}

/// Waits until the audit trail tells that change of the policy; its line.
async fn line(controller: &Program, change: &str, generation: u64) -> serde_json::Value {
    let find = || {
        let fits = |line: &serde_json::Value| {
            line["kind"] == "AIPolicy" && line["change"] == change && line["generation"] == generation
        };
        audit::lines(&controller.said()).into_iter().find(fits)
    };
    within(SOON, &format!("{change} {generation}"), || find().is_some()).await;
    find().unwrap()
}

/// The span of that generation of the policy, when it has come.
async fn span(sink: &Sink, generation: &str) -> Span {
    let find = || {
        let of = |span: &Span| told(&span.attributes, "sidegate.object.generation").as_deref() == Some(generation);
        sink.spans().into_iter().find(|span| span.name == "AIPolicy sidegate-system/cluster" && of(span))
    };
    within(SOON, "a span", || find().is_some()).await;
    find().unwrap()
}

/// Microseconds since 1970 of a time in an audit line.
fn micros(time: &serde_json::Value) -> i64 {
    time.as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_microsecond()
}

async fn change(apart: &Apart, objects: &Folder, sink: &Sink) {
    objects.write("policy.yaml", denying("denied-*"));
    let programmed = line(&apart.controller, "programmed", 1).await;
    let created = span(sink, "1").await;
    let start = |span: &Span| i64::try_from(span.start_time_unix_nano / 1_000).unwrap();
    let end = |span: &Span| i64::try_from(span.end_time_unix_nano / 1_000).unwrap();
    assert_eq!(
        (start(&created), end(&created)),
        (micros(&programmed["accepted_at"]), micros(&programmed["time"])),
        "{programmed}"
    );
    let of = |span: &Span, name: &str| told(&span.attributes, name);
    assert_eq!(of(&created, "sidegate.change.kind").as_deref(), Some("created"));
    assert_eq!(of(&created, "sidegate.change.outcome").as_deref(), Some("programmed"));
    assert_eq!(of(&created, "sidegate.change.sidecars").as_deref(), Some("1"));
    assert_eq!(of(&created, "sidegate.change.manager").as_deref(), Some("file"));
    assert_eq!((created.kind, created.parent_span_id.len()), (1, 0));
    objects.write("policy.yaml", denying("a*b"));
    let refused = span(sink, "2").await;
    assert_eq!(refused.status.clone().map(|status| (status.code, status.message)), Some((2, String::new())));
    assert!(of(&refused, "sidegate.change.refusals").is_some_and(|why| why.contains("spec.models.deny")));
    assert_eq!(start(&refused), micros(&line(&apart.controller, "refused", 2).await["time"]));
}

#[tokio::test]
async fn a_change_is_one_span_from_its_edit_until_its_sidecars_enforce_it() {
    let provider = Provider::start().await;
    for protocol in ["grpc", "http/protobuf"] {
        let (sink, objects) = (Sink::start().await.unwrap(), provider.objects("sim-key-a"));
        let to = format!("http://{}", sink.address());
        let environment = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", to.as_str()),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "x-key=own%20key"),
            ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test"),
        ];
        let apart = apart(&objects, &environment).await;
        change(&apart, &objects, &sink).await;
        let taken = sink.taken().remove(0);
        assert_eq!((taken.grpc, taken.gzip), (protocol == "grpc", true));
        let keys: Vec<_> = taken.headers.get_all("x-key").iter().collect();
        assert_eq!(keys, ["own key"], "once");
        let resource = &taken.request.resource_spans[0].resource.as_ref().unwrap().attributes;
        for (name, value) in [
            ("service.name", Some("sidegate-controller")),
            ("service.version", Some(env!("CARGO_PKG_VERSION"))),
            ("deployment.environment.name", Some("test")),
            ("k8s.pod.name", None),
        ] {
            assert_eq!(told(resource, name).as_deref(), value, "{name}");
        }
        assert!(sink.metrics().is_empty(), "they are there to be scraped");
    }
}

#[tokio::test]
async fn over_tls_the_back_end_is_held_against_the_authority_that_is_named_and_shown_our_certificate() {
    let provider = Provider::start().await;
    let (tls, files) = (SinkTls::new(true).unwrap(), Folder::new("tls"));
    for (name, pem) in [("ca", &tls.authority), ("client", &tls.client), ("key", &tls.client_key)] {
        files.write(name, pem);
    }
    let place = |name: &str| files.path().join(name).display().to_string();
    let (ca, client, key) = (place("ca"), place("client"), place("key"));
    for protocol in ["grpc", "http/protobuf"] {
        let sink = Sink::at(([127, 0, 0, 1], 0).into(), Some(&tls)).await.unwrap();
        let (objects, to) = (provider.objects("sim-key-a"), format!("https://localhost:{}", sink.address().port()));
        let environment = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", to.as_str()),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol),
            ("OTEL_EXPORTER_OTLP_CERTIFICATE", &ca),
            ("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", &client),
            ("OTEL_EXPORTER_OTLP_CLIENT_KEY", &key),
        ];
        let apart = apart(&objects, &environment).await;
        objects.write("policy.yaml", denying("denied-*"));
        span(&sink, "1").await;
        drop(apart);
    }
}

/// A number that a scraper reads.
async fn scraped(at: SocketAddr, series: &str) -> u64 {
    let text = get(at, "/metrics").await.unwrap().text().to_owned();
    let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("{series} in {text}")).parse().unwrap()
}

/// The newest of a metric.
fn newest(sink: &Sink, name: &str) -> Option<Metric> {
    let request = sink.metrics().pop()?;
    let scopes = request.resource_metrics.into_iter().flat_map(|resource| resource.scope_metrics);
    scopes.flat_map(|scope| scope.metrics).find(|metric| metric.name == name)
}

/// The newest number of a metric with that label.
fn number(sink: &Sink, name: &str, (label, value): (&str, &str)) -> Option<u64> {
    let points: Vec<NumberDataPoint> = match newest(sink, name)?.data? {
        Data::Gauge(gauge) => gauge.data_points,
        Data::Sum(sum) => {
            assert!(sum.is_monotonic && sum.aggregation_temporality == 2, "{name} is cumulative");
            sum.data_points
        }
        other => panic!("{other:?}"),
    };
    let fits = |point: &&NumberDataPoint| label.is_empty() || told(&point.attributes, label).as_deref() == Some(value);
    match points.iter().find(fits)?.value? {
        Number::AsInt(number) => u64::try_from(number).ok(),
        Number::AsDouble(_) => None,
    }
}

/// The newest distribution of how long answers took, for policies.
fn answers(sink: &Sink) -> Option<HistogramDataPoint> {
    let Data::Histogram(histogram) = newest(sink, "sidegate_control_push_duration_seconds")?.data? else { return None };
    histogram.data_points.into_iter().find(|p| told(&p.attributes, "subject").as_deref() == Some("policy"))
}

#[tokio::test]
async fn metrics_are_what_a_scraper_reads() {
    let provider = Provider::start().await;
    for protocol in ["grpc", "http/protobuf"] {
        let (sink, objects) = (Sink::start().await.unwrap(), provider.objects("sim-key-a"));
        let to = format!("http://{}", sink.address());
        let environment = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", to.as_str()),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol),
            ("OTEL_METRICS_EXPORTER", "otlp"),
            ("OTEL_METRIC_EXPORT_INTERVAL", "150"),
        ];
        let mut apart = apart(&objects, &environment).await;
        objects.write("policy.yaml", denying("denied-*"));
        line(&apart.controller, "programmed", 1).await;
        let at = apart.control_health;
        for (name, of, suffix) in [
            ("sidegate_control_objects", ("kind", "AIPolicy"), "{kind=\"AIPolicy\"}"),
            ("sidegate_control_objects", ("kind", "AIProvider"), "{kind=\"AIProvider\"}"),
            ("sidegate_control_streams", ("", ""), ""),
            ("sidegate_control_epoch", ("", ""), ""),
            ("sidegate_control_acks", ("subject", "policy"), "_total{subject=\"policy\"}"),
            ("sidegate_control_pushes", ("subject", "credentials"), "_total{subject=\"credentials\"}"),
            ("sidegate_control_spans_exported", ("", ""), "_total"),
        ] {
            // What is sent follows what is scraped, by an interval at most.
            within(SOON, "a number", || number(&sink, name, of).is_some_and(|number| number > 0)).await;
            let read = scraped(at, &format!("{name}{suffix}")).await;
            within(SOON, name, || number(&sink, name, of) == Some(read)).await;
        }
        let acks = scraped(at, "sidegate_control_acks_total{subject=\"policy\"}").await;
        within(SOON, "the histogram", || answers(&sink).is_some_and(|answers| answers.count == acks)).await;
        let answers = answers(&sink).unwrap();
        assert!(acks >= 2 && answers.sum.is_some_and(|sum| sum > 0.0));
        assert_eq!((answers.explicit_bounds.first(), answers.explicit_bounds.last()), (Some(&0.001), Some(&10.0)));
        assert_eq!(newest(&sink, "sidegate_control_push_duration_seconds").unwrap().unit, "s");
        // The last numbers are sent at the end.
        objects.write("policy.yaml", denying("denied-too-*"));
        line(&apart.controller, "programmed", 2).await;
        let acks = scraped(at, "sidegate_control_acks_total{subject=\"policy\"}").await;
        apart.controller.signal("TERM");
        assert_eq!(ended(&mut apart.controller, SOON).await, Some(0), "{}", apart.controller.told());
        assert_eq!(number(&sink, "sidegate_control_acks", ("subject", "policy")), Some(acks));
    }
}

#[tokio::test]
async fn the_last_span_is_sent_before_the_end() {
    let provider = Provider::start().await;
    let (sink, objects) = (Sink::start().await.unwrap(), provider.objects("sim-key-a"));
    let to = format!("http://{}", sink.address());
    let environment = [("OTEL_EXPORTER_OTLP_ENDPOINT", to.as_str()), ("OTEL_BSP_SCHEDULE_DELAY", "600000")];
    let mut apart = apart(&objects, &environment).await;
    objects.write("policy.yaml", denying("denied-*"));
    line(&apart.controller, "programmed", 1).await;
    assert!(sink.spans().is_empty(), "it waits for its batch");
    apart.controller.signal("TERM");
    assert_eq!(ended(&mut apart.controller, SOON).await, Some(0));
    span(&sink, "1").await;
}

#[tokio::test]
async fn a_dead_back_end_costs_no_push_and_the_program_ends_within_two_seconds() {
    let provider = Provider::start().await;
    let sink = Sink::start().await.unwrap();
    sink.set(Mood::Stall);
    let endless = Sink::start().await.unwrap();
    endless.set(Mood::Endless);
    let (stalled, endless) = (format!("http://{}", sink.address()), format!("http://{}", endless.address()));
    let deaf = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let deaf = format!("http://{}", deaf.local_addr().unwrap());
    let ends = [
        stalled.as_str(),
        &endless,
        &deaf,
        "http://127.0.0.1:1",
        "http://192.0.2.1:4317",
        "http://no.such.name.invalid",
    ];
    for (to, protocol) in ends.iter().flat_map(|to| [(to, "grpc"), (to, "http/protobuf")]) {
        let objects = provider.objects("sim-key-a");
        let environment = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", *to),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol),
            ("OTEL_METRICS_EXPORTER", "otlp"),
            ("OTEL_METRIC_EXPORT_INTERVAL", "100"),
        ];
        let mut apart = apart(&objects, &environment).await;
        for generation in 1..=2 {
            objects.write("policy.yaml", denying(&format!("denied-{generation}-*")));
            let began = Instant::now();
            let programmed = line(&apart.controller, "programmed", generation).await;
            assert!(began.elapsed() < Duration::from_secs(3), "{to} {protocol}: {:?}", began.elapsed());
            let took = micros(&programmed["time"]) - micros(&programmed["accepted_at"]);
            assert!(took < 1_000_000, "{to} {protocol}: {programmed}");
        }
        let began = Instant::now();
        apart.controller.signal("TERM");
        assert_eq!(ended(&mut apart.controller, SOON).await, Some(0), "{}", apart.controller.told());
        assert!(began.elapsed() < Duration::from_secs(2), "{to} {protocol}: {:?}", began.elapsed());
    }
}

#[tokio::test]
async fn what_a_back_end_says_is_not_repeated_and_that_it_fails_is_said_once() {
    let provider = Provider::start().await;
    let sink = Sink::start().await.unwrap();
    let to = format!("http://{}", sink.address());
    for (protocol, status, code) in [
        ("grpc", 401, "gRPC code Unauthenticated"),
        ("grpc", 503, "gRPC code Unavailable"),
        ("http/protobuf", 401, "status 401"),
        ("http/protobuf", 503, "status 503"),
    ] {
        let objects = provider.objects("sim-key-a");
        sink.set(Mood::Echo(status));
        let apart = apart(
            &objects,
            &[
                ("OTEL_EXPORTER_OTLP_ENDPOINT", to.as_str()),
                ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol),
                ("OTEL_EXPORTER_OTLP_HEADERS", "x-canary=CANARY-KEY"),
                ("RUST_LOG", "debug"),
            ],
        )
        .await;
        let words = "the tracing back-end does not take spans";
        for generation in 1..=2 {
            objects.write("policy.yaml", denying(&format!("denied-{generation}-*")));
            line(&apart.controller, "programmed", generation).await;
            let mut lost = 0;
            let began = Instant::now();
            while lost < generation && began.elapsed() < SOON {
                lost = scraped(apart.control_health, "sidegate_control_spans_dropped_total{reason=\"failed\"}").await;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            assert_eq!(lost, generation, "{}", apart.controller.told());
        }
        let told = apart.controller.told();
        assert!(told.contains(code), "{code}: {told}");
        assert_eq!(told.matches(words).count(), 1, "{told}");
        assert!(!told.contains("CANARY") && !told.to_lowercase().contains("x-canary"), "{told}");
        // In part rejected, it says why in words of its own.
        sink.set(Mood::Rejects(1));
        objects.write("policy.yaml", denying("denied-3-*"));
        within(SOON, "it takes spans again", || apart.controller.told().contains("takes spans again")).await;
        assert!(!apart.controller.told().contains("CANARY"), "{}", apart.controller.told());
    }
}

#[tokio::test]
async fn nothing_is_sent_unless_that_is_said() {
    let provider = Provider::start().await;
    let sink = Sink::start().await.unwrap();
    let to = format!("http://{}", sink.address());
    for said in [("OTEL_SDK_DISABLED", "true"), ("OTEL_TRACES_EXPORTER", "none")] {
        let objects = provider.objects("sim-key-a");
        let mut apart = apart(&objects, &[("OTEL_EXPORTER_OTLP_ENDPOINT", to.as_str()), said]).await;
        objects.write("policy.yaml", denying("denied-*"));
        line(&apart.controller, "programmed", 1).await;
        apart.controller.signal("TERM");
        assert_eq!(ended(&mut apart.controller, SOON).await, Some(0));
        assert_eq!(sink.asked(), 0, "{said:?}");
    }
}

#[tokio::test]
async fn a_wrong_value_ends_it_with_64_and_is_not_shown() {
    let objects = Folder::new("objects");
    let directory = objects.path().display().to_string();
    for (name, value) in [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "CANARY"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "authorization: CANARY"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "CANARY"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "CANARY"),
        ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/nowhere"),
    ] {
        let flags = ["--from-files", &directory, "--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"];
        let flags = [&flags[..], &["--live-listen", "127.0.0.1:0"]].concat();
        let mut command = command("sidegate-controller", &flags);
        command.env("OTEL_EXPORTER_OTLP_ENDPOINT", "https://127.0.0.1:1").env("OTEL_METRICS_EXPORTER", "otlp");
        command.env(name, value);
        let mut program = Program::spawn("sidegate-controller", command);
        assert_eq!(ended(&mut program, SOON).await, Some(64), "{name}");
        let (said, told) = program.whole();
        assert!(!said.contains("CANARY") && !told.contains("CANARY"), "{told}");
        assert!(told.contains("OTLP") || told.contains("OTEL"), "{told}");
    }
}

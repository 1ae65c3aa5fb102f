//! Metrics by OTLP: the numbers that a scraper reads, under the conventions' names, to whom and as often as is said.

use clap::Parser;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_proto::tonic::metrics::v1::{HistogramDataPoint, Metric};
use sidegate_proxy::config::Config;
use sidegate_proxy::otlp::Settings;
use sidegate_proxy::otlp::metrics::Teller;
use sidegate_testkit::sink::{Mood, Sink, told};
use sidegate_tests::client::{chat, with};
use sidegate_tests::plane::within;
use sidegate_tests::policy::ladder;
use sidegate_tests::stage::{Setting, Stage};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::{SOON, all, url};

const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// A sidecar whose metrics are told.
struct Counted {
    stage: Stage,
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

impl Counted {
    fn to(sink: &Sink, protocol: &str, millis: &str) -> Self {
        let endpoint = url(sink);
        let flags =
            ["--otlp-endpoint", &endpoint, "--otlp-protocol", protocol, "--otel-metric-export-interval", millis];
        let stage = Stage::set(Setting { traced: true, ..Setting::default() }, all(ladder(&[1])));
        let (settings, interval) = settings(&flags).unwrap().unwrap();
        let (stop, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        tasks.spawn(Teller::new(&settings, interval, stage.sidecar.clone()).run(stopped));
        Self { stage, stop, tasks }
    }

    async fn call(&mut self) {
        assert_eq!(self.stage.call(with(chat("m", ""), "traceparent", TRACE)).await.status, 200);
    }

    async fn end(mut self) {
        let _ = self.stop.send(true);
        while self.tasks.join_next().await.is_some() {}
    }
}

fn settings(flags: &[&str]) -> Result<Option<(Settings, std::time::Duration)>, String> {
    let exporter = ["sidegate-proxy", "--otel-metrics-exporter", "otlp"];
    Settings::metrics(&Config::try_parse_from(exporter.iter().chain(flags)).unwrap())
}

/// The metric of that name in the newest request.
fn newest(sink: &Sink, name: &str) -> Option<Metric> {
    let request = sink.metrics().pop()?;
    let metrics = request.resource_metrics.into_iter().flat_map(|r| r.scope_metrics).flat_map(|s| s.metrics);
    metrics.into_iter().find(|metric| metric.name == name)
}

/// Calls that ended well, as the newest request has them.
fn answered(sink: &Sink) -> i64 {
    let Some(Data::Sum(sum)) = newest(sink, "sidegate_calls").and_then(|m| m.data) else { return 0 };
    assert!(sum.is_monotonic && sum.aggregation_temporality == 2, "{sum:?}");
    let good = sum.data_points.into_iter().filter(|p| told(&p.attributes, "class").is_none());
    good.map(|p| if let Some(Value::AsInt(count)) = p.value { count } else { 0 }).sum()
}

fn duration(sink: &Sink) -> HistogramDataPoint {
    let metric = newest(sink, "gen_ai.client.operation.duration").unwrap();
    assert_eq!(metric.unit, "s");
    let Some(Data::Histogram(mut histogram)) = metric.data else { panic!("no histogram") };
    assert_eq!((histogram.data_points.len(), histogram.aggregation_temporality), (1, 2));
    histogram.data_points.remove(0)
}

#[tokio::test]
async fn metrics_go_at_each_interval_by_both_protocols_under_the_conventions_names() {
    for protocol in ["grpc", "http/protobuf"] {
        let sink = Sink::start().await.unwrap();
        let mut counted = Counted::to(&sink, protocol, "100");
        counted.call().await;
        within(SOON, "the call is counted", || answered(&sink) == 1).await;
        let point = duration(&sink);
        assert_eq!((point.count, point.bucket_counts.len(), point.explicit_bounds.len()), (1, 15, 14));
        assert!(point.start_time_unix_nano <= point.time_unix_nano);
        assert_eq!(told(&point.attributes, "gen_ai.operation.name").as_deref(), Some("chat"));
        assert_eq!(told(&point.attributes, "error.type"), None, "nothing went wrong");
        let trace = 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736_u128;
        assert_eq!(point.exemplars[0].trace_id, trace.to_be_bytes());
        let of = sink.metrics()[0].resource_metrics[0].resource.clone().unwrap();
        assert_eq!(told(&of.attributes, "service.name").as_deref(), Some("sidegate-proxy"));
        counted.end().await;
    }
}

#[tokio::test]
async fn the_last_numbers_go_at_the_end() {
    let sink = Sink::start().await.unwrap();
    let mut counted = Counted::to(&sink, "grpc", "3600000");
    counted.call().await;
    counted.end().await;
    assert_eq!((sink.metrics().len(), answered(&sink)), (1, 1));
}

#[tokio::test]
async fn what_a_back_end_did_not_take_is_in_what_it_takes_next() {
    let sink = Sink::start().await.unwrap();
    sink.set(Mood::Status(503));
    let mut counted = Counted::to(&sink, "http/protobuf", "100");
    counted.call().await;
    within(SOON, "it was asked more than once", || sink.asked() >= 3).await;
    assert_eq!(sink.metrics().len(), 0);
    counted.call().await;
    sink.set(Mood::Good);
    within(SOON, "both calls are told", || answered(&sink) == 2).await;
    counted.end().await;
}

#[test]
fn metrics_go_nowhere_unless_that_is_asked_for() {
    let config = |flags: &[&str]| Config::try_parse_from(["sidegate-proxy"].iter().chain(flags)).unwrap();
    let endpoint = ["--otlp-endpoint", "http://collector:4317"];
    assert!(Settings::metrics(&config(&endpoint)).unwrap().is_none(), "they are there to be scraped");
    let disabled = [&endpoint[..], &["--otel-metrics-exporter", "otlp", "--otel-disabled", "true"]].concat();
    assert!(Settings::metrics(&config(&disabled)).unwrap().is_none());
    let (usual, _) = settings(&[]).unwrap().unwrap();
    assert_eq!(usual.target.uri, "http://localhost:4318/v1/metrics");
    let why = settings(&[&endpoint[..], &["--otel-metric-export-interval", "0"]].concat()).err().unwrap();
    assert!(why.contains("OTEL_METRIC_EXPORT_INTERVAL"), "{why}");
    let own = ["--otlp-metrics-endpoint", "http://other:4318/own", "--otlp-metrics-protocol", "http/protobuf"];
    let (settings, interval) = settings(&[&endpoint[..], &own].concat()).unwrap().unwrap();
    assert_eq!((settings.target.uri.path(), interval.as_secs()), ("/own", 60));
}

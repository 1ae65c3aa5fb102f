//! Traces as a back-end gets them: a sidecar in memory, a back-end over real sockets, real time.

#![expect(clippy::panic, clippy::unwrap_used, reason = "what a test needs and does not get ends it")]

mod carried;
mod content;
mod context;
mod counted;
mod faults_ot;
mod given_up;
mod sampled;
mod told;
mod tools;

use std::time::Duration;

use clap::Parser;
use opentelemetry_proto::tonic::trace::v1::Span;
use sidegate_policy::{Ratio, Snapshot};
use sidegate_proxy::config::Config;
use sidegate_proxy::otlp::{Exporter, Settings};
use sidegate_testkit::sim::Fault;
use sidegate_testkit::sink::Sink;
use sidegate_tests::Stage;
use sidegate_tests::plane::within;
use sidegate_tests::stage::Setting;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// What anything may take on a busy machine.
const SOON: Duration = Duration::from_secs(20);

/// A sidecar whose spans are sent.
struct Traced {
    stage: Stage,
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

impl Traced {
    /// Under that policy; `flags` say where spans go.
    fn under(snapshot: Snapshot, flags: &[&str]) -> Self {
        let stage = Stage::set(Setting { traced: true, ..Setting::default() }, snapshot);
        let pod = ["sidegate-proxy", "--as-namespace", "shop", "--as-pod", "web-1", "--as-workload", "deployment/web"];
        let config = Config::try_parse_from(pod.iter().chain(flags)).unwrap();
        let settings = Settings::traces(&config).unwrap().unwrap();
        let (queue, metrics) = (stage.sidecar.spans.clone().unwrap(), stage.sidecar.metrics.clone());
        let (stop, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        tasks.spawn(Exporter::new(&settings, queue, metrics, 7).run(stopped));
        Self { stage, stop, tasks }
    }

    /// The same, with a sink that it sends to by gRPC.
    async fn with_sink(snapshot: Snapshot) -> (Self, Sink) {
        let sink = Sink::start().await.unwrap();
        let traced = Self::under(snapshot, &["--otlp-endpoint", &url(&sink), "--otlp-protocol", "grpc"]);
        (traced, sink)
    }

    /// Ends it, as a sidecar ends.
    async fn end(mut self) {
        let _ = self.stop.send(true);
        while self.tasks.join_next().await.is_some() {}
    }
}

fn url(sink: &Sink) -> String {
    format!("http://{}", sink.address())
}

/// Every call is traced.
fn all(mut snapshot: Snapshot) -> Snapshot {
    snapshot.telemetry.traces.ratio = Ratio::ALL;
    snapshot
}

/// Waits for so many spans; all there are, in the order of their beginnings.
async fn spans(sink: &Sink, least: usize) -> Vec<Span> {
    within(SOON, "spans", || sink.spans().len() >= least).await;
    let mut spans = sink.spans();
    spans.sort_by_key(|s| (s.start_time_unix_nano, s.kind));
    spans
}

fn status(status: u16) -> Fault {
    Fault::Status { status, headers: Vec::new(), body: None, code: None }
}

//! When a batch goes, how long it is kept, and what is said of spans that nobody takes.

use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use jiff::Timestamp;
use sidegate_policy::Caller;
use sidegate_proxy::config::Config;
use sidegate_proxy::otlp::{Exporter, Settings};
use sidegate_telemetry::{CallRecord, Metrics, RequestId, SpanQueue};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use sidegate_testkit::sink::Sink;
use sidegate_tests::plane::within;

use super::{SOON, url};

struct Sender {
    queue: Arc<SpanQueue>,
    metrics: Arc<Metrics>,
    stop: watch::Sender<bool>,
    task: JoinSet<()>,
}

impl Sender {
    /// Has so many calls, of one span each, and nobody to send them to.
    fn of(calls: u64) -> Self {
        Self::at("http://127.0.0.1:1", calls)
    }

    /// Sends so many calls there.
    fn at(endpoint: &str, calls: u64) -> Self {
        let config = Config::try_parse_from(["sidegate-proxy", "--otlp-endpoint", endpoint]).unwrap();
        let settings = Settings::traces(&config).unwrap().unwrap();
        let (queue, metrics) = (Arc::new(SpanQueue::default()), Arc::new(Metrics::new(&Caller::default())));
        for id in 0..calls {
            queue.push(&call(id));
        }
        let (stop, stopped) = watch::channel(false);
        let mut task = JoinSet::new();
        task.spawn(Exporter::new(&settings, queue.clone(), metrics.clone(), 1).run(stopped));
        Self { queue, metrics, stop, task }
    }

    fn failed(&self) -> u64 {
        let mut text = String::new();
        self.metrics.encode(&mut text);
        let name = r#"sidegate_spans_dropped_total{reason="failed"} "#;
        text.lines().find_map(|line| line.strip_prefix(name)).and_then(|value| value.parse().ok()).unwrap_or(0)
    }
}

/// A call, which has one span.
fn call(id: u64) -> CallRecord {
    CallRecord::new(RequestId::new(id.into()), Timestamp::UNIX_EPOCH, Arc::default())
}

/// Calls that fill one batch.
fn full() -> u64 {
    let queue = SpanQueue::default();
    for id in 0..100_000 {
        queue.push(&call(id));
        if let Some(batch) = queue.take_full() {
            return batch.spans;
        }
    }
    unreachable!("no batch is ever full")
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_is_never_taken_makes_room_for_the_next() {
    let sender = Sender::of(full() + 1);
    sleep(Duration::from_secs(60)).await;
    assert_eq!(sender.failed(), 0, "it is kept for a while");
    assert!(sender.queue.bytes() > 0);
    sleep(Duration::from_secs(240)).await;
    assert_eq!((sender.failed(), sender.queue.bytes()), (full(), 0));
}

#[tokio::test]
async fn what_fills_a_batch_is_sent_at_once_and_the_rest_half_a_second_later() {
    let sink = Sink::start().await.unwrap();
    let (sender, began) = (Sender::at(&url(&sink), full() + 1), Instant::now());
    within(SOON, "the first batch", || sink.asked() >= 1).await;
    sleep(Duration::from_millis(200)).await;
    let rest = sender.queue.bytes();
    // Unless this very test was kept waiting.
    if began.elapsed() < Duration::from_millis(500) {
        assert!((1..1_000).contains(&rest), "{rest}");
    }
    within(SOON, "the rest", || sender.queue.bytes() == 0).await;
    assert!(began.elapsed() >= Duration::from_millis(500), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn what_waits_at_the_end_and_is_not_taken_is_counted() {
    let mut sender = Sender::of(3 * full());
    sleep(Duration::from_secs(5)).await;
    let _ = sender.stop.send(true);
    while sender.task.join_next().await.is_some() {}
    assert_eq!(sender.failed(), 3 * full());
}

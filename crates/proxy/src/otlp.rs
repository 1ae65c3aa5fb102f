//! Sends spans to a tracing back-end by OTLP (metrics: [`metrics`]): from the second thread, by tick, and never at the cost of a call.
//!
//! Calls leave their spans, encoded, in a queue that is bounded in bytes, and wake nobody. Here they are taken and
//! sent, one batch at a time. A back-end that fails is asked again later and later, so many times for a batch; one that
//! turns it down for good loses it. What is lost is counted, and what the back-end says is not repeated anywhere.

pub mod connect;
pub mod metrics;
pub mod transport;

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use sidegate_telemetry::metrics::Lost;
use sidegate_telemetry::otlp::Resource;
use sidegate_telemetry::otlp::settings::{self, Target};
use sidegate_telemetry::otlp::spans::request;
use sidegate_telemetry::{Metrics, SpanQueue};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout_at};

use self::transport::{Failure, Transport};
use crate::config::Config;
use crate::dispatch::tls::public;
use crate::signals::stopped;

/// The method by gRPC.
const EXPORT: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
/// Between two looks at what waits. The queue has room for some 700 calls in between; a slow back-end or captured content
/// may still fill it, which is counted.
const TICK: Duration = Duration::from_millis(50);
/// A batch that is not full goes so long after the one before it.
const FILLING: Duration = Duration::from_millis(500);
/// Longest first wait after a failure; doubles with each.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// Longest wait after a failure, unless the back-end asks for more.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// How often a batch is sent at most, which takes some four minutes, or ten where the back-end asks for
/// time. One that is never taken would hold up all others.
const TRIES: u32 = 10;
/// What the last spans get at shutdown.
const LAST_SPANS: Duration = Duration::from_secs(1);

/// Everything that sending spans needs, read and judged.
pub struct Settings {
    /// Where they go.
    pub target: Target,
    /// What they are of.
    pub resource: Resource,
}

impl Settings {
    /// What is said of metrics, and how often they go; none if they go nowhere.
    ///
    /// # Errors
    /// A sentence that names the variable, and never its value.
    pub fn metrics(config: &Config) -> Result<Option<(Self, Duration)>, String> {
        let Some(target) = settings::metrics(&config.otlp, public)? else {
            return Ok(None);
        };
        let resource = resource(config)?;
        Ok(Some((Self { target, resource }, settings::interval(&config.otlp)?)))
    }

    /// What is said of traces; none if they go nowhere.
    ///
    /// # Errors
    /// A sentence that names the variable, and never its value.
    pub fn traces(config: &Config) -> Result<Option<Self>, String> {
        let Some(target) = settings::traces(&config.otlp, public)? else {
            return Ok(None);
        };
        Ok(Some(Self { target, resource: resource(config)? }))
    }
}

/// What telemetry is of: this sidecar, and what is said of it.
fn resource(config: &Config) -> Result<Resource, String> {
    settings::resource(&config.otlp, Resource::of(&config.caller(), env!("CARGO_PKG_VERSION")))
}

/// Sends what waits in a queue.
pub struct Exporter {
    queue: Arc<SpanQueue>,
    metrics: Arc<Metrics>,
    transport: Transport,
    resource: Resource,
    chance: SmallRng,
    /// What the back-end has not taken yet.
    batch: Option<Sending>,
    /// From when on a batch is sent that is not full.
    due: Instant,
    /// Nothing more will come.
    ending: bool,
    /// Failures in a row.
    failures: u32,
}

/// A batch on its way.
struct Sending {
    body: Bytes,
    spans: u64,
    tries: u32,
}

impl Exporter {
    /// From `queue` to where `settings` say.
    #[must_use]
    pub fn new(settings: &Settings, queue: Arc<SpanQueue>, metrics: Arc<Metrics>, seed: u64) -> Self {
        Self {
            queue,
            metrics,
            transport: Transport::to(&settings.target),
            resource: settings.resource.clone(),
            chance: SmallRng::seed_from_u64(seed),
            batch: None,
            due: Instant::now(),
            ending: false,
            failures: 0,
        }
    }

    /// Sends until `stop` says so, and then what is left, for a moment.
    pub async fn run(mut self, stop: watch::Receiver<bool>) {
        let mut stopped = pin!(stopped(stop));
        let mut wait = TICK;
        let end = loop {
            tokio::select! {
                biased;
                () = stopped.as_mut() => break Instant::now() + LAST_SPANS,
                () = sleep(wait) => {}
            }
            let mut round = pin!(self.round());
            tokio::select! {
                biased;
                next = round.as_mut() => wait = next,
                () = stopped.as_mut() => {
                    let end = Instant::now() + LAST_SPANS;
                    // What is under way may still be taken; sent anew it would be there twice.
                    let _ = timeout_at(end, round).await;
                    break end;
                }
            }
        };
        self.ending = true;
        let _ = timeout_at(end, async { while self.round().await.is_zero() {} }).await;
        self.give_up();
        self.give_up_what_waits();
    }

    /// Nobody will send what still waits.
    fn give_up_what_waits(&mut self) {
        let lost: u64 = std::iter::from_fn(|| self.queue.take()).map(|batch| batch.spans).sum();
        self.metrics.spans_lost(Lost::Failed, lost);
        if lost > 0 {
            tracing::warn!(spans = lost, "spans were not sent before the end");
        }
    }

    /// Sends one batch, if there is one; how long to wait before the next.
    async fn round(&mut self) -> Duration {
        if self.batch.is_none() {
            self.batch = self.next_batch();
        }
        let Some(batch) = &self.batch else {
            return TICK;
        };
        let sent = self.transport.send(EXPORT, batch.body.clone()).await;
        match sent {
            Ok(answer) => {
                self.taken(&answer);
                Duration::ZERO
            }
            Err(failure) => self.failed(&failure),
        }
    }

    /// The oldest batch, if it is full or its time has come.
    fn next_batch(&mut self) -> Option<Sending> {
        let now = Instant::now();
        let batch = if self.ending || now >= self.due { self.queue.take() } else { self.queue.take_full() }?;
        self.due = now + FILLING;
        let body = request(&batch.bytes, &self.resource).into();
        self.queue.give_back(batch.bytes);
        Some(Sending { body, spans: batch.spans, tries: 0 })
    }

    /// The back-end took the batch, or all of it but some spans.
    fn taken(&mut self, answer: &[u8]) {
        let Some(batch) = self.batch.take() else { return };
        if std::mem::take(&mut self.failures) > 0 {
            tracing::info!("the tracing back-end takes spans again");
        }
        let rejected = ExportTraceServiceResponse::decode(answer).ok().and_then(|a| a.partial_success);
        let rejected = rejected.map_or(0, |p| u64::try_from(p.rejected_spans).unwrap_or(0)).min(batch.spans);
        self.metrics.spans_exported(batch.spans - rejected);
        self.metrics.spans_lost(Lost::Rejected, rejected);
    }

    /// The back-end did not take the batch; how long to wait.
    fn failed(&mut self, failure: &Failure) -> Duration {
        if self.failures == 0 {
            tracing::warn!(what = %failure.what, "the tracing back-end does not take spans");
        }
        let tries = self.batch.as_mut().map_or(0, |batch| {
            batch.tries += 1;
            batch.tries
        });
        if !failure.passing || tries >= TRIES {
            self.give_up();
        }
        let doubled = FIRST_WAIT.saturating_mul(1 << self.failures.min(8)).min(LONGEST_WAIT);
        self.failures = self.failures.saturating_add(1);
        // Between half of it and all of it, so that the sidecars of a cluster do not come back together.
        let jittered = doubled.mul_f64(self.chance.random_range(0.5..1.0));
        failure.after.map_or(jittered, |asked| asked.max(jittered))
    }

    /// What is in the batch is lost.
    fn give_up(&mut self) {
        if let Some(batch) = self.batch.take() {
            self.metrics.spans_lost(Lost::Failed, batch.spans);
        }
    }
}

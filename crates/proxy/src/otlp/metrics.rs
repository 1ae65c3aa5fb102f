//! Sends what has been counted to a back-end by OTLP: all of it at each interval, from the second thread.
//!
//! The numbers are sums since the start, so that nothing is lost with a request that is not taken: the next one says
//! it too. Nothing waits, nothing is kept, and no call knows of it.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use prost::Message;
use sidegate_telemetry::otlp::Resource;
use sidegate_telemetry::otlp::metrics::{Span, export};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::Settings;
use super::transport::Transport;
use crate::sidecar::Sidecar;
use crate::signals::stopped;

/// The method by gRPC.
const EXPORT: &str = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export";
/// What the last numbers get at shutdown.
const LAST_NUMBERS: Duration = Duration::from_secs(1);

/// Sends the metrics of a sidecar.
pub struct Teller {
    sidecar: Arc<Sidecar>,
    transport: Transport,
    resource: Resource,
    interval: Duration,
    since: Timestamp,
    failed: bool,
}

impl Teller {
    /// Where `settings` say, at each interval.
    #[must_use]
    pub fn new(settings: &Settings, interval: Duration, sidecar: Arc<Sidecar>) -> Self {
        Self {
            transport: Transport::to(&settings.target),
            resource: settings.resource.clone(),
            interval,
            since: sidecar.clock.wall(),
            sidecar,
            failed: false,
        }
    }

    /// Sends until `stop` says so, and then once more.
    pub async fn run(mut self, stop: watch::Receiver<bool>) {
        let mut stopped = pin!(stopped(stop));
        loop {
            tokio::select! {
                biased;
                () = stopped.as_mut() => break,
                () = sleep(self.interval) => {}
            }
            tokio::select! {
                biased;
                () = self.tell() => {}
                () = stopped.as_mut() => break,
            }
        }
        let _ = timeout(LAST_NUMBERS, self.tell()).await;
    }

    async fn tell(&mut self) {
        let over = Span { since: self.since, until: self.sidecar.clock.wall() };
        let request = export(&self.sidecar.counted(), &self.resource, over);
        let sent = self.transport.send(EXPORT, request.encode_to_vec().into()).await;
        match &sent {
            Ok(_) if self.failed => tracing::info!("the metrics back-end takes metrics again"),
            Err(failure) if !self.failed => {
                tracing::warn!(what = %failure.what, "the metrics back-end does not take metrics");
            }
            Ok(_) | Err(_) => {}
        }
        self.failed = sent.is_err();
    }
}

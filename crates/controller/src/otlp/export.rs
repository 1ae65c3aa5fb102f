//! The exporters of the library, as we drive them: within the runtime of their sockets, bounded in time, and heard.
//!
//! The library logs the words of a back-end, so it is built without its log; what goes wrong is said here, once, and in
//! our own words. It does not tell what a back-end rejects of a request that it takes: that counts as taken.

use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use opentelemetry_otlp::{
    Compression, MetricExporter, Protocol as HttpProtocol, SpanExporter, WithExportConfig, WithHttpConfig,
    WithTonicConfig,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::metrics::Temporality;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::trace::{SpanData, SpanExporter as ExportsSpans};
use sidegate_telemetry::otlp::settings::{Protocol, Target};
use tokio::runtime::Handle;
use tokio::time::timeout;
use tonic::metadata::MetadataMap;
use tonic::{Request, Status};

use super::OtlpError;
use super::connect::{Poster, channel};
use super::spans::Sent;

/// What sends spans.
pub(super) fn spans(target: &Target, runtime: &Handle, sent: Arc<Sent>) -> Result<Spans, OtlpError> {
    let _within = runtime.enter();
    let builder = SpanExporter::builder();
    let exporter = match target.protocol {
        Protocol::Grpc => {
            let builder = builder.with_tonic().with_channel(channel(target)?).with_interceptor(said(target));
            let builder = builder.with_timeout(target.timeout);
            if target.gzip { WithTonicConfig::with_compression(builder, Compression::Gzip) } else { builder }.build()
        }
        Protocol::Http => {
            let builder =
                builder.with_http().with_http_client(Poster::to(target)?).with_endpoint(target.uri.to_string());
            let builder = builder.with_protocol(HttpProtocol::HttpBinary).with_timeout(target.timeout);
            if target.gzip { WithHttpConfig::with_compression(builder, Compression::Gzip) } else { builder }.build()
        }
    };
    Ok(Spans { driver: Driver::new(target, runtime, "tracing", "spans"), exporter: exporter?, sent })
}

/// What sends metrics.
pub(super) fn metrics(target: &Target, runtime: &Handle) -> Result<Numbers, OtlpError> {
    let _within = runtime.enter();
    let builder = MetricExporter::builder();
    let exporter = match target.protocol {
        Protocol::Grpc => {
            let builder = builder.with_tonic().with_channel(channel(target)?).with_interceptor(said(target));
            let builder = builder.with_timeout(target.timeout);
            if target.gzip { WithTonicConfig::with_compression(builder, Compression::Gzip) } else { builder }.build()
        }
        Protocol::Http => {
            let builder =
                builder.with_http().with_http_client(Poster::to(target)?).with_endpoint(target.uri.to_string());
            let builder = builder.with_protocol(HttpProtocol::HttpBinary).with_timeout(target.timeout);
            if target.gzip { WithHttpConfig::with_compression(builder, Compression::Gzip) } else { builder }.build()
        }
    };
    Ok(Numbers { driver: Driver::new(target, runtime, "metrics", "metrics"), exporter: exporter? })
}

/// Sends the headers that were said, and no others that the library may have read.
fn said(target: &Target) -> impl FnMut(Request<()>) -> Result<Request<()>, Status> + Clone + Send + Sync + 'static {
    let headers = target.headers.clone();
    move |mut request| {
        *request.metadata_mut() = MetadataMap::from_headers(headers.clone());
        Ok(request)
    }
}

/// How requests are made, and what is said of them.
struct Driver {
    runtime: Handle,
    limit: Duration,
    /// The kind of back-end, and what it is to take.
    words: (&'static str, &'static str),
    failing: AtomicBool,
}

impl Driver {
    fn new(target: &Target, runtime: &Handle, back_end: &'static str, what: &'static str) -> Self {
        let (runtime, limit) = (runtime.clone(), target.timeout);
        Self { runtime, limit, words: (back_end, what), failing: AtomicBool::new(false) }
    }

    /// Drives a request, with all of its retries, from a thread that has no runtime.
    async fn drive(&self, request: impl Future<Output = OTelSdkResult> + Send) -> OTelSdkResult {
        let mut bounded = {
            let _within = self.runtime.enter();
            Box::pin(timeout(self.limit, request))
        };
        let ended = poll_fn(|context| {
            let _within = self.runtime.enter();
            bounded.as_mut().poll(context)
        });
        let ended = ended.await.unwrap_or(Err(OTelSdkError::Timeout(self.limit)));
        self.hear(&ended);
        ended
    }

    fn hear(&self, ended: &OTelSdkResult) {
        let (back_end, things) = self.words;
        let failed = self.failing.swap(ended.is_err(), Ordering::Relaxed);
        match ended {
            Ok(()) if failed => tracing::info!("the {back_end} back-end takes {things} again"),
            Err(error) if !failed => {
                tracing::warn!(what = %what(error), "the {back_end} back-end does not take {things}");
            }
            Ok(()) | Err(_) => {}
        }
    }
}

/// What happened, without a word of the back-end: of the library's sentence nothing but a code.
pub(super) fn what(error: &OTelSdkError) -> String {
    let said = match error {
        OTelSdkError::Timeout(_) => return "no answer in time".to_owned(),
        OTelSdkError::InternalFailure(said) => said.as_str(),
        OTelSdkError::AlreadyShutdown => "",
    };
    let code = |before: &str, fits: fn(&char) -> bool| -> Option<String> {
        let code: String = said.split_once(before)?.1.chars().take_while(fits).take(20).collect();
        (!code.is_empty()).then_some(code)
    };
    let grpc = code("gRPC code: ", char::is_ascii_alphabetic).map(|code| format!("gRPC code {code}"));
    let http = || code("status code: ", char::is_ascii_digit).map(|code| format!("status {code}"));
    grpc.or_else(http).unwrap_or_else(|| "no connection".to_owned())
}

/// Sends spans.
pub(super) struct Spans {
    driver: Driver,
    exporter: SpanExporter,
    sent: Arc<Sent>,
}

impl fmt::Debug for Spans {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Spans")
    }
}

impl ExportsSpans for Spans {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len() as u64;
        let ended = self.driver.drive(self.exporter.export(batch)).await;
        self.sent.ended(spans, ended.is_ok());
        ended
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

/// Sends metrics.
pub(super) struct Numbers {
    driver: Driver,
    exporter: MetricExporter,
}

impl PushMetricExporter for Numbers {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        self.driver.drive(self.exporter.export(metrics)).await
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn temporality(&self) -> Temporality {
        self.exporter.temporality()
    }
}

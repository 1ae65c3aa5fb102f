//! Sends what the control plane has to tell to a back-end by OTLP: a span for each change of an object, and its metrics.
//!
//! By the exporters of `opentelemetry-otlp`, on the library's own threads; their sockets live on a runtime of one thread
//! beside them. So neither a slow handshake nor a dead back-end takes time from the streams, whose runtime has one
//! thread too, and the last spans can be waited for. Nothing global is set: whoever embeds a control plane and does not
//! begin this sends nothing. What is not taken after the library's retries is lost and counted.

mod connect;
mod export;
mod numbers;
mod spans;
#[cfg(test)]
pub(crate) mod tests;

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread::Builder;
use std::time::Duration;

use opentelemetry::trace::TracerProvider;
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_otlp::ExporterBuildError;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider};
use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracerProvider};
use rustls::RootCertStore;
use sidegate_telemetry::otlp::Resource as Said;
use sidegate_telemetry::otlp::flags::OtlpFlags;
use sidegate_telemetry::otlp::settings::{self, Target};
use thiserror::Error;
use tokio::runtime::{Handle, Runtime};
use tokio::sync::oneshot;

pub(crate) use self::spans::{ChangeSpans, Edit, Sent};

use self::spans::MOST_WAITING;
use crate::control::Control;

/// What the last spans and numbers get at shutdown.
const LAST: Duration = Duration::from_millis(900);

/// Everything that sending needs, read and judged.
pub struct Settings {
    traces: Option<Target>,
    metrics: Option<(Target, Duration)>,
    resource: Said,
}

impl Settings {
    /// What is said; none if nothing goes anywhere. `own`: what the control plane knows of itself.
    ///
    /// # Errors
    /// A sentence that names the variable, and never its value.
    pub fn read(flags: &OtlpFlags, own: Said) -> Result<Option<Self>, String> {
        let traces = settings::traces(flags, public)?;
        let metrics = match settings::metrics(flags, public)? {
            Some(target) => Some((target, settings::interval(flags)?)),
            None => None,
        };
        if traces.is_none() && metrics.is_none() {
            return Ok(None);
        }
        Ok(Some(Self { traces, metrics, resource: settings::resource(flags, own)? }))
    }
}

/// Why nothing can be sent.
#[derive(Debug, Error)]
pub enum OtlpError {
    /// No thread is to be had.
    #[error("cannot start to send by OTLP: {0}")]
    NoThread(#[from] io::Error),
    /// The library turns something down, in words that may hold a value.
    #[error("what is said of OTLP cannot be used")]
    Unusable,
}

impl From<ExporterBuildError> for OtlpError {
    fn from(_: ExporterBuildError) -> Self {
        Self::Unusable
    }
}

/// What sends. Dropped, it sends what is left, for a moment.
pub struct Otlp {
    spans: Option<SdkTracerProvider>,
    numbers: Option<SdkMeterProvider>,
    /// Ends the runtime of the sockets.
    _stop: oneshot::Sender<()>,
}

impl Otlp {
    /// Begins to tell of that control plane, before anything happens there.
    ///
    /// # Errors
    /// [`OtlpError`].
    pub fn start(settings: &Settings, control: &Arc<Control>) -> Result<Self, OtlpError> {
        let (runtime, stop) = sockets()?;
        let resource = resource(&settings.resource);
        let spans = match &settings.traces {
            Some(target) => Some(trace(target, &resource, &runtime, control)?),
            None => None,
        };
        let numbers = match &settings.metrics {
            Some((target, interval)) => {
                let exporter = export::metrics(target, &runtime)?;
                let reader = PeriodicReader::builder(exporter).with_interval(*interval).build();
                let provider = SdkMeterProvider::builder().with_resource(resource).with_reader(reader).build();
                numbers::observe(&provider, control);
                Some(provider)
            }
            None => None,
        };
        Ok(Self { spans, numbers, _stop: stop })
    }
}

impl Drop for Otlp {
    fn drop(&mut self) {
        let (ends, ended) = channel::<()>();
        if let Some(spans) = self.spans.take() {
            beside(ends.clone(), move || drop(spans.shutdown_with_timeout(LAST)));
        }
        if let Some(numbers) = self.numbers.take() {
            beside(ends.clone(), move || drop(numbers.shutdown_with_timeout(LAST)));
        }
        drop(ends);
        // Both have ended when nobody is left who could say so; whoever does not end in time is left to the process.
        let _ = ended.recv_timeout(LAST);
    }
}

/// Ends something on a thread of its own: the library waits longer than we do.
fn beside(ends: Sender<()>, end: impl FnOnce() + Send + 'static) {
    let ending = move || {
        end();
        drop(ends);
    };
    // Without a thread nothing more is sent.
    let _ = Builder::new().name("otlp-end".into()).spawn(ending);
}

/// Tells changes of `control` as spans from now on.
fn trace(
    target: &Target,
    resource: &Resource,
    runtime: &Handle,
    control: &Control,
) -> Result<SdkTracerProvider, OtlpError> {
    let sent = Arc::<Sent>::default();
    let exporter = export::spans(target, runtime, sent.clone())?;
    // The delay and the size of a batch are as the library reads them from its variables.
    let batches = BatchConfigBuilder::default().with_max_queue_size(MOST_WAITING).build();
    let provider = SdkTracerProvider::builder()
        .with_resource(resource.clone())
        // A change is rare, and each is told.
        .with_sampler(Sampler::AlwaysOn)
        .with_span_processor(BatchSpanProcessor::new(exporter, batches))
        .build();
    control.changes.trace_by(ChangeSpans::new(provider.tracer_with_scope(scope()), sent));
    Ok(provider)
}

/// The runtime of the sockets, on a thread of its own until its owner is gone.
fn sockets() -> io::Result<(Handle, oneshot::Sender<()>)> {
    let (stop, stopped) = oneshot::channel::<()>();
    let runtime: Runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let handle = runtime.handle().clone();
    Builder::new().name("otlp".into()).spawn(move || {
        let _ = runtime.block_on(stopped);
        // A name may be asked for yet, and that takes as long as it takes.
        runtime.shutdown_background();
    })?;
    Ok((handle, stop))
}

fn resource(said: &Said) -> Resource {
    let told = said.attributes().map(|(name, value)| KeyValue::new(name.to_owned(), value.to_owned()));
    Resource::builder_empty().with_attributes(told.collect::<Vec<_>>()).build()
}

/// Whose words these are.
fn scope() -> InstrumentationScope {
    InstrumentationScope::builder("sidegate").with_version(env!("CARGO_PKG_VERSION")).build()
}

/// Mozilla's list, and what the platform adds to it.
fn public() -> RootCertStore {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}

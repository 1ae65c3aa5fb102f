//! The environment variables of OpenTelemetry's specification, as flags: where traces and metrics go, and as whose.
//!
//! <https://opentelemetry.io/docs/specs/otel/protocol/exporter/>. A variable that is there and empty says nothing, as
//! the specification has it. Addresses and headers may hold a key of the back-end, and are shown neither in the help nor in
//! errors.

use std::convert::Infallible;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;

/// Where telemetry goes by OTLP; nowhere without a word about it.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "OpenTelemetry")]
pub struct OtlpFlags {
    /// Sends nothing if `true`.
    #[arg(long = "otel-disabled", env = "OTEL_SDK_DISABLED", value_name = "BOOL")]
    pub disabled: Option<String>,
    /// `otlp` or `none`; where nothing is said, `otlp` if there is an address.
    #[arg(long = "otel-traces-exporter", env = "OTEL_TRACES_EXPORTER", value_name = "NAME")]
    pub traces_exporter: Option<String>,
    /// `otlp`, `prometheus` or `none`; without `otlp` nothing is sent, and they are there to be scraped.
    #[arg(long = "otel-metrics-exporter", env = "OTEL_METRICS_EXPORTER", value_name = "NAME")]
    pub metrics_exporter: Option<String>,
    /// Milliseconds between two requests with metrics; 60000 where nothing is said.
    #[arg(long = "otel-metric-export-interval", env = "OTEL_METRIC_EXPORT_INTERVAL", value_name = "MS")]
    pub metric_export_interval: Option<String>,
    /// Name of the service; that of the program where nothing is said.
    #[arg(long = "otel-service-name", env = "OTEL_SERVICE_NAME", value_name = "NAME")]
    pub service_name: Option<String>,
    /// Attributes of the resource, as `name=value,name=value`.
    #[arg(long = "otel-resource-attributes", env = "OTEL_RESOURCE_ATTRIBUTES", value_name = "LIST")]
    pub resource_attributes: Option<String>,
    /// Base address of the back-end, as `http://collector:4318`; `/v1/traces` or `/v1/metrics` is added for HTTP.
    #[arg(long = "otlp-endpoint", env = "OTEL_EXPORTER_OTLP_ENDPOINT", value_name = "URL", hide_env_values = true)]
    pub endpoint: Option<Hidden>,
    /// `grpc` or `http/protobuf`; where nothing is said, `grpc` for port 4317 and `http/protobuf` for others.
    #[arg(long = "otlp-protocol", env = "OTEL_EXPORTER_OTLP_PROTOCOL", value_name = "PROTOCOL")]
    pub protocol: Option<String>,
    /// Headers of each request, as `name=value,name=value`.
    #[arg(long = "otlp-headers", env = "OTEL_EXPORTER_OTLP_HEADERS", value_name = "LIST", hide_env_values = true)]
    pub headers: Option<Hidden>,
    /// Milliseconds that a request may take; 10000 where nothing is said.
    #[arg(long = "otlp-timeout", env = "OTEL_EXPORTER_OTLP_TIMEOUT", value_name = "MS")]
    pub timeout: Option<String>,
    /// `gzip` or `none`.
    #[arg(long = "otlp-compression", env = "OTEL_EXPORTER_OTLP_COMPRESSION", value_name = "NAME")]
    pub compression: Option<String>,
    /// File with the authorities that the back-end's certificate is held against, instead of the public ones.
    #[arg(long = "otlp-certificate", env = "OTEL_EXPORTER_OTLP_CERTIFICATE", value_name = "FILE")]
    pub certificate: Option<PathBuf>,
    /// File with our own certificate.
    #[arg(long = "otlp-client-certificate", env = "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", value_name = "FILE")]
    pub client_certificate: Option<PathBuf>,
    /// File with the key of our own certificate.
    #[arg(long = "otlp-client-key", env = "OTEL_EXPORTER_OTLP_CLIENT_KEY", value_name = "FILE")]
    pub client_key: Option<PathBuf>,
    /// What holds for traces alone.
    #[command(flatten)]
    pub traces: TracesFlags,
    /// What holds for metrics alone.
    #[command(flatten)]
    pub metrics: MetricsFlags,
}

/// What holds for traces alone, before what holds for everything.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "OpenTelemetry, for traces alone")]
pub struct TracesFlags {
    /// Address of the back-end; for HTTP with its whole path.
    #[arg(
        long = "otlp-traces-endpoint",
        env = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
        value_name = "URL",
        hide_env_values = true
    )]
    pub traces_endpoint: Option<Hidden>,
    /// As --otlp-protocol.
    #[arg(long = "otlp-traces-protocol", env = "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", value_name = "PROTOCOL")]
    pub traces_protocol: Option<String>,
    /// As --otlp-headers.
    #[arg(
        long = "otlp-traces-headers",
        env = "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
        value_name = "LIST",
        hide_env_values = true
    )]
    pub traces_headers: Option<Hidden>,
    /// As --otlp-timeout.
    #[arg(long = "otlp-traces-timeout", env = "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", value_name = "MS")]
    pub traces_timeout: Option<String>,
    /// As --otlp-compression.
    #[arg(long = "otlp-traces-compression", env = "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", value_name = "NAME")]
    pub traces_compression: Option<String>,
    /// As --otlp-certificate.
    #[arg(long = "otlp-traces-certificate", env = "OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", value_name = "FILE")]
    pub traces_certificate: Option<PathBuf>,
    /// As --otlp-client-certificate.
    #[arg(
        long = "otlp-traces-client-certificate",
        env = "OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE",
        value_name = "FILE"
    )]
    pub traces_client_certificate: Option<PathBuf>,
    /// As --otlp-client-key.
    #[arg(long = "otlp-traces-client-key", env = "OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY", value_name = "FILE")]
    pub traces_client_key: Option<PathBuf>,
}

/// What holds for metrics alone, before what holds for everything.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "OpenTelemetry, for metrics alone")]
pub struct MetricsFlags {
    /// Address of the back-end; for HTTP with its whole path.
    #[arg(
        long = "otlp-metrics-endpoint",
        env = "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
        value_name = "URL",
        hide_env_values = true
    )]
    pub metrics_endpoint: Option<Hidden>,
    /// As --otlp-protocol.
    #[arg(long = "otlp-metrics-protocol", env = "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", value_name = "PROTOCOL")]
    pub metrics_protocol: Option<String>,
    /// As --otlp-headers.
    #[arg(
        long = "otlp-metrics-headers",
        env = "OTEL_EXPORTER_OTLP_METRICS_HEADERS",
        value_name = "LIST",
        hide_env_values = true
    )]
    pub metrics_headers: Option<Hidden>,
    /// As --otlp-timeout.
    #[arg(long = "otlp-metrics-timeout", env = "OTEL_EXPORTER_OTLP_METRICS_TIMEOUT", value_name = "MS")]
    pub metrics_timeout: Option<String>,
    /// As --otlp-compression.
    #[arg(long = "otlp-metrics-compression", env = "OTEL_EXPORTER_OTLP_METRICS_COMPRESSION", value_name = "NAME")]
    pub metrics_compression: Option<String>,
    /// As --otlp-certificate.
    #[arg(long = "otlp-metrics-certificate", env = "OTEL_EXPORTER_OTLP_METRICS_CERTIFICATE", value_name = "FILE")]
    pub metrics_certificate: Option<PathBuf>,
    /// As --otlp-client-certificate.
    #[arg(
        long = "otlp-metrics-client-certificate",
        env = "OTEL_EXPORTER_OTLP_METRICS_CLIENT_CERTIFICATE",
        value_name = "FILE"
    )]
    pub metrics_client_certificate: Option<PathBuf>,
    /// As --otlp-client-key.
    #[arg(long = "otlp-metrics-client-key", env = "OTEL_EXPORTER_OTLP_METRICS_CLIENT_KEY", value_name = "FILE")]
    pub metrics_client_key: Option<PathBuf>,
}

/// A text that may hold a key: it is not shown.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Hidden(String);

impl Hidden {
    /// The text, for whoever needs it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl FromStr for Hidden {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

//! What the sidecar is told at start: flags, or environment variables of the same names.
//!
//! The only place that reads the environment. A wrong value ends the program with 64 before a socket is
//! bound; a zero never means unlimited.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use clap::Parser;
use sidegate_policy::Caller;
use sidegate_telemetry::audit::Rotation;
use sidegate_telemetry::otlp::flags::OtlpFlags;

/// The AI gateway beside one pod.
#[derive(Debug, Clone, Parser)]
#[command(name = "sidegate-proxy", version, about)]
pub struct Config {
    /// Where applications call: a loopback address. With 127.0.0.1, `::1` is bound too where the host has it.
    #[arg(long, env = "SIDEGATE_LISTEN", default_value = "127.0.0.1:4777")]
    pub listen: SocketAddr,
    /// Where liveness, readiness and metrics are served.
    #[arg(long, env = "SIDEGATE_METRICS_LISTEN", default_value = "0.0.0.0:4778")]
    pub metrics_listen: SocketAddr,
    /// The control plane, for example `http://127.0.0.1:4780`.
    #[arg(long, env = "SIDEGATE_CONTROL", default_value = "http://127.0.0.1:4780")]
    pub control: String,
    /// File with the token that tells the control plane whose pod this is; read anew at each connection. Without it the
    /// sidecar is who the other flags say, which only a control plane from files believes.
    #[arg(long, env = "SIDEGATE_TOKEN_FILE")]
    pub token_file: Option<PathBuf>,
    /// Directory of the last good policy; never holds a key.
    #[arg(long, env = "SIDEGATE_STATE_DIR", default_value = "/var/run/sidegate")]
    pub state_dir: PathBuf,
    /// Unix socket of the admin surface; nothing is served without it.
    #[arg(long, env = "SIDEGATE_ADMIN_SOCKET")]
    pub admin_socket: Option<PathBuf>,
    /// File that audit lines are appended to, one program to a file; `-` is standard output.
    #[arg(long, env = "SIDEGATE_AUDIT", default_value = "-")]
    pub audit: PathBuf,
    /// Bytes of the audit file; the next line begins a new one, and the full one is renamed to `FILE.1`.
    #[arg(long, env = "SIDEGATE_AUDIT_MAX_BYTES", default_value_t = 64 << 20, value_parser = clap::value_parser!(u64).range(1 << 20..))]
    pub audit_max_bytes: u64,
    /// Full audit files that are kept, beside the one that is written.
    #[arg(long, env = "SIDEGATE_AUDIT_KEEP", default_value_t = 4, value_parser = clap::value_parser!(u32).range(..=1000))]
    pub audit_keep: u32,
    /// Namespace of the pod.
    #[arg(long = "as-namespace", env = "SIDEGATE_NAMESPACE", default_value = "default")]
    pub namespace: String,
    /// `ServiceAccount` of the pod.
    #[arg(long = "as-service-account", env = "SIDEGATE_SERVICE_ACCOUNT", default_value = "default")]
    pub service_account: String,
    /// What the pod is part of, as `deployment/checkout`.
    #[arg(long = "as-workload", env = "SIDEGATE_WORKLOAD", default_value = "")]
    pub workload: String,
    /// Name of the pod.
    #[arg(long = "as-pod", env = "SIDEGATE_POD", default_value = "")]
    pub pod: String,
    /// Labels of the pod, as `team=web,tier=gold`.
    #[arg(long = "as-labels", env = "SIDEGATE_LABELS", default_value = "", value_parser = parse_labels)]
    pub labels: Labels,
    /// Largest request body, in bytes.
    #[arg(long, env = "SIDEGATE_MAX_BODY_BYTES", default_value_t = 32 << 20, value_parser = clap::value_parser!(u64).range(1..=1 << 30))]
    pub max_body_bytes: u64,
    /// Bytes of request bodies held at once, over all calls.
    #[arg(long, env = "SIDEGATE_MAX_HELD_BYTES", default_value_t = 256 << 20, value_parser = clap::value_parser!(u64).range(1..))]
    pub max_held_bytes: u64,
    /// Calls at once; further ones are refused with 503.
    #[arg(long, env = "SIDEGATE_MAX_CALLS", default_value_t = 16_384, value_parser = clap::value_parser!(u64).range(1..))]
    pub max_calls: u64,
    /// Seconds that running calls get to end at shutdown.
    #[arg(long, env = "SIDEGATE_DRAIN_SECONDS", default_value_t = 110)]
    pub drain_seconds: u64,
    /// Where traces go.
    #[command(flatten)]
    pub otlp: OtlpFlags,
}

/// Labels of a pod.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Labels(pub BTreeMap<String, String>);

/// Reads `a=b,c=d`.
///
/// # Errors
/// A sentence that names the part that is no label.
pub fn parse_labels(text: &str) -> Result<Labels, String> {
    let mut labels = BTreeMap::new();
    for part in text.split(',').filter(|p| !p.is_empty()) {
        let (name, value) = part.split_once('=').ok_or_else(|| format!("`{part}` is not of the form name=value"))?;
        labels.insert(name.to_owned(), value.to_owned());
    }
    Ok(Labels(labels))
}

impl Config {
    /// Who the sidecar speaks for.
    #[must_use]
    pub fn caller(&self) -> Caller {
        Caller {
            namespace: self.namespace.as_str().into(),
            service_account: self.service_account.as_str().into(),
            workload: self.workload.as_str().into(),
            pod: self.pod.as_str().into(),
            labels: self.labels.0.clone(),
        }
    }

    /// The addresses that applications may call.
    ///
    /// # Errors
    /// A sentence when the address is not loopback.
    pub fn call_addresses(&self) -> Result<Vec<SocketAddr>, String> {
        if !self.listen.ip().is_loopback() {
            return Err(format!(
                "--listen {} is not a loopback address; applications of this pod call 127.0.0.1 or ::1",
                self.listen
            ));
        }
        let mut addresses = vec![self.listen];
        if self.listen.ip() == IpAddr::V4(Ipv4Addr::LOCALHOST) {
            addresses.push(SocketAddr::new(std::net::Ipv6Addr::LOCALHOST.into(), self.listen.port()));
        }
        Ok(addresses)
    }

    /// How the audit file is bounded.
    #[must_use]
    pub fn audit_rotation(&self) -> Rotation {
        Rotation { max_bytes: self.audit_max_bytes, keep: self.audit_keep }
    }

    /// The bounds of calls.
    #[must_use]
    pub fn bounds(&self) -> CallBounds {
        CallBounds { body_bytes: self.max_body_bytes, held_bytes: self.max_held_bytes, calls: self.max_calls }
    }
}

/// What bounds the calls of one sidecar.
#[derive(Debug, Clone, Copy)]
pub struct CallBounds {
    /// Largest request body, in bytes.
    pub body_bytes: u64,
    /// Bytes of request bodies held at once.
    pub held_bytes: u64,
    /// Calls at once.
    pub calls: u64,
}

impl Default for CallBounds {
    fn default() -> Self {
        Self { body_bytes: 32 << 20, held_bytes: 256 << 20, calls: 16_384 }
    }
}

/// The caller as a shared value.
#[must_use]
pub fn shared_caller(config: &Config) -> Arc<Caller> {
    Arc::new(config.caller())
}

/// What is logged: as `SIDEGATE_LOG` says (`debug`, `sidegate_proxy=debug`), else as `default` does.
#[must_use]
pub fn log_filter(default: &str) -> tracing_subscriber::EnvFilter {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
    let said = std::env::var("SIDEGATE_LOG");
    tracing_subscriber::EnvFilter::try_new(said.as_deref().unwrap_or(default)).unwrap_or_default()
}

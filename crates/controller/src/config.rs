//! The flags of `sidegate-controller`, and the one variable that it reads.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Parser;
use tracing_subscriber::EnvFilter;

/// The control plane of Sidegate: turns objects into what every sidecar enforces.
#[derive(Debug, Clone, Parser)]
#[command(name = "sidegate-controller", version)]
pub struct Flags {
    /// Directory with the YAML that kubectl would apply; read again when it changes
    #[arg(long, value_name = "DIR")]
    pub from_files: PathBuf,
    /// The control plane's own namespace
    #[arg(long, value_name = "NAMESPACE", default_value = "sidegate-system")]
    pub namespace: String,
    /// Where sidecars connect
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:4780")]
    pub listen: SocketAddr,
    /// Where health and metrics are served
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:4781")]
    pub metrics_listen: SocketAddr,
}

/// What is logged: as `RUST_LOG` says, else from `info` up.
#[must_use]
pub fn log_filter() -> EnvFilter {
    EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"))
}

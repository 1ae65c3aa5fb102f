//! The flags of `sidegate-controller`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Parser;

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

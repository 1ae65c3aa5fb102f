//! The flags of `sidegate-controller`, and the variables that it reads: what is logged, where telemetry goes, and whether
//! this is a pod.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Parser;
use sidegate_telemetry::names::resource as name;
use sidegate_telemetry::otlp::Resource;
use sidegate_telemetry::otlp::flags::OtlpFlags;
use tracing_subscriber::EnvFilter;

/// The control plane of Sidegate: turns objects into what every sidecar enforces.
#[derive(Debug, Clone, Parser)]
#[command(name = "sidegate-controller", version)]
pub struct Flags {
    /// Directory with the YAML that kubectl would apply, read again when it changes, in place of a cluster
    #[arg(long, value_name = "DIR", conflicts_with_all = ["kubeconfig", "context"])]
    pub from_files: Option<PathBuf>,
    /// The way to the cluster; else as kubectl would find it, else as a pod does
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// The context of the kubeconfig
    #[arg(long, value_name = "NAME")]
    pub context: Option<String>,
    /// The audience of the tokens that sidecars show
    #[arg(long, value_name = "AUDIENCE", default_value = "sidegate", conflicts_with = "from_files")]
    pub token_audience: String,
    /// The control plane's own namespace
    #[arg(long, value_name = "NAMESPACE", default_value = "sidegate-system")]
    pub namespace: String,
    /// Where sidecars connect
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:4780")]
    pub listen: SocketAddr,
    /// Where people are answered who ask about running sidecars, on this machine: the connection is not encrypted
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:4783", value_parser = loopback)]
    pub live_listen: SocketAddr,
    /// Where health and metrics are served
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:4781")]
    pub metrics_listen: SocketAddr,
    /// File that audit lines of changes are appended to, one program to a file; `-` is standard output
    #[arg(long, value_name = "FILE", default_value = "-")]
    pub audit: PathBuf,
    /// Bytes of the audit file; the next line begins a new one, and the full one is renamed to `FILE.1`
    #[arg(long, value_name = "BYTES", default_value_t = 64 << 20, value_parser = clap::value_parser!(u64).range(1 << 20..))]
    pub audit_max_bytes: u64,
    /// Full audit files that are kept, beside the one that is written
    #[arg(long, value_name = "NUMBER", default_value_t = 4, value_parser = clap::value_parser!(u32).range(..=1000))]
    pub audit_keep: u32,
    /// Where its own traces and metrics go by OTLP
    #[command(flatten)]
    pub otlp: OtlpFlags,
}

impl Flags {
    /// What its telemetry is of, as far as it knows itself: the program, and its pod if it is one.
    #[must_use]
    pub fn resource(&self) -> Resource {
        let mut resource = Resource::named("sidegate-controller", env!("CARGO_PKG_VERSION"));
        if self.from_files.is_none() && is_pod() {
            resource.set(name::NAMESPACE, &self.namespace);
            resource.set(name::POD, &replica());
        }
        resource
    }
}

/// An address of this machine alone.
///
/// # Errors
/// A sentence that says what is wanted.
pub fn loopback(text: &str) -> Result<SocketAddr, String> {
    let address: SocketAddr = text.parse().map_err(|_| "write an address and a port, as 127.0.0.1:4783")?;
    if address.ip().to_canonical().is_loopback() {
        return Ok(address);
    }
    Err("write a loopback address: the connection is not encrypted; people come through kubectl port-forward"
        .to_owned())
}

/// Who is never heard: the Kubernetes client at the place where it quotes answers that it cannot read, which may be
/// Secrets, and the exporters of OpenTelemetry, which quote their back-end.
const QUIET: [&str; 4] =
    ["kube_client::client=off", "opentelemetry=off", "opentelemetry_sdk=off", "opentelemetry-otlp=off"];

/// What is logged: as `RUST_LOG` says, else from `info` up, and never those that quote others.
#[must_use]
pub fn log_filter() -> EnvFilter {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let quiet = QUIET.iter().map(|one| one.parse()).collect::<Result<Vec<_>, _>>();
    match quiet {
        Ok(quiet) => quiet.into_iter().fold(filter, EnvFilter::add_directive),
        Err(_) => EnvFilter::new("off"),
    }
}

/// Whether this runs in a pod: Kubernetes tells every pod where its API is.
fn is_pod() -> bool {
    #[expect(clippy::disallowed_methods, reason = "this is where the environment is read")]
    std::env::var_os("KUBERNETES_SERVICE_HOST").is_some()
}

/// What this replica is called: the name of its host, which is that of its pod.
#[must_use]
pub fn replica() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim();
    if name.is_empty() { "sidegate-controller".to_owned() } else { name.to_owned() }
}

//! `sidegate dev DIR`: control plane without a cluster, sidecar and provider simulator, in one process.
//!
//! The parts are the ones that run in a cluster, and they speak to each other over the same sockets. All of
//! them are bound before the first one runs, so that nothing is ever half started.

mod banner;

use std::io::{self, IsTerminal};
use std::net::{SocketAddr, TcpListener as StdListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;

use sidegate_controller::config::loopback;
use sidegate_controller::{Controller, Listeners, Options, StartError as ControlError};
use sidegate_proxy::assembly::{self, Bound, StartError};
use sidegate_proxy::clock::Clock;
use sidegate_proxy::config::{Config, Labels, parse_labels};
use sidegate_proxy::signals::{stop_on_signal, stopped};
use sidegate_telemetry::Format;
use sidegate_telemetry::otlp::flags::OtlpFlags;
use sidegate_testkit::sim::{SimConfig, Simulator};
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Flags of `sidegate dev`.
#[derive(Debug, Clone, clap::Args)]
pub struct Arguments {
    /// Directory of the YAML that kubectl would apply; re-read when it changes.
    directory: PathBuf,
    /// Start no provider simulator: calls go where the providers' endpoints say.
    #[arg(long)]
    no_sim: bool,
    /// Namespace of the control plane: objects there are the cluster's.
    #[arg(long, default_value = "sidegate-system")]
    namespace: String,
    /// Namespace of the calling pod.
    #[arg(long, default_value = "default")]
    as_namespace: String,
    /// `ServiceAccount` of the calling pod.
    #[arg(long, default_value = "default")]
    as_service_account: String,
    /// What the calling pod is part of, as `deployment/checkout`.
    #[arg(long, default_value = "deployment/dev")]
    as_workload: String,
    /// Labels of the calling pod, as `team=web,tier=gold`.
    #[arg(long, default_value = "", value_parser = parse_labels)]
    as_labels: Labels,
    /// Where applications call.
    #[arg(long, default_value = "127.0.0.1:4777")]
    listen: SocketAddr,
    /// Where the sidecar serves health and metrics.
    #[arg(long, default_value = "127.0.0.1:4778")]
    metrics_listen: SocketAddr,
    /// Where the control plane listens for the sidecar.
    #[arg(long, default_value = "127.0.0.1:4780")]
    control_listen: SocketAddr,
    /// Where the control plane answers sidegate tap, top and trace.
    #[arg(long, default_value = "127.0.0.1:4783", value_parser = loopback)]
    control_live_listen: SocketAddr,
    /// Where the control plane serves health and metrics.
    #[arg(long, default_value = "127.0.0.1:4781")]
    control_metrics_listen: SocketAddr,
    /// Where the provider simulator listens.
    #[arg(long, default_value = "127.0.0.1:4790")]
    sim_listen: SocketAddr,
    /// Print JSON audit lines instead of readable ones.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    otlp: OtlpFlags,
}

/// Why it cannot start.
#[derive(Debug, Error)]
pub enum DevError {
    /// The sidecar.
    #[error(transparent)]
    Sidecar(#[from] StartError),
    /// The control plane.
    #[error(transparent)]
    Controller(#[from] ControlError),
    /// A socket of the control plane or the simulator.
    #[error("cannot listen on {0}: {1}; stop what listens there, or choose another {2}")]
    Listen(SocketAddr, io::Error, &'static str),
    /// The directory that lasts as long as the process.
    #[error("cannot use {0}: {1}; point TMPDIR to a directory that can be written, with a short path")]
    Temporary(PathBuf, io::Error),
    /// The system.
    #[error("cannot start: {0}")]
    System(#[from] io::Error),
}

/// Runs until a signal says stop.
///
/// # Errors
/// [`DevError`], a sentence that says what to do; then nothing has run.
pub fn run(arguments: Arguments) -> Result<(), DevError> {
    let state = StateDirectory(std::env::temp_dir().join(format!("sidegate-dev-{}", std::process::id())));
    let simulator = if arguments.no_sim { None } else { Some(bind(arguments.sim_listen, "--sim-listen")?) };
    let sockets = [
        bind(arguments.control_listen, "--control-listen")?,
        bind(arguments.control_live_listen, "--control-live-listen")?,
        bind(arguments.control_metrics_listen, "--control-metrics-listen")?,
    ];
    let sidecar = bind_sidecar(&arguments, &state).map_err(of_flags)?;
    let stop = stop_on_signal()?;
    let mut beside = vec![start_controller(&arguments, sockets, stop.clone())?];
    if let Some(listener) = simulator {
        beside.push(spawn("simulator", runtime()?, simulate(listener, stop.clone()))?);
    }
    let (health, listen, live) = (arguments.metrics_listen, arguments.listen, arguments.control_live_listen);
    let directory = arguments.directory.display().to_string();
    std::thread::Builder::new()
        .name("banner".into())
        .spawn(move || banner::when_ready(health, listen, live, &directory))?;
    sidecar.run(stop)?;
    for thread in beside {
        let _ = thread.join();
    }
    Ok(())
}

/// The sidecar's state, which ends with the process.
struct StateDirectory(PathBuf);

impl Drop for StateDirectory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn bind_sidecar(arguments: &Arguments, state: &StateDirectory) -> Result<Bound, StartError> {
    let config = Config {
        listen: arguments.listen,
        metrics_listen: arguments.metrics_listen,
        control: format!("http://{}", arguments.control_listen),
        token_file: None,
        state_dir: state.0.clone(),
        admin_socket: Some(state.0.join("admin.sock")),
        audit: "-".into(),
        audit_max_bytes: 64 << 20,
        audit_keep: 4,
        namespace: arguments.as_namespace.clone(),
        service_account: arguments.as_service_account.clone(),
        workload: arguments.as_workload.clone(),
        pod: "dev".to_owned(),
        labels: arguments.as_labels.clone(),
        max_body_bytes: 32 << 20,
        max_held_bytes: 256 << 20,
        max_calls: 16_384,
        drain_seconds: 0,
        otlp: arguments.otlp.clone(),
    };
    let format = if arguments.json { Format::Json } else { Format::Human { colour: io::stdout().is_terminal() } };
    assembly::bind(config, format)
}

/// The sidecar's words, where they would name a flag that is not here.
fn of_flags(error: StartError) -> DevError {
    match error {
        StartError::State { path, source } | StartError::Socket { path, source } => DevError::Temporary(path, source),
        other => DevError::Sidecar(other),
    }
}

fn bind(address: SocketAddr, flag: &'static str) -> Result<StdListener, DevError> {
    let listener = StdListener::bind(address).map_err(|e| DevError::Listen(address, e, flag))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Reads the directory, and serves what is in it from a thread of its own.
fn start_controller(
    arguments: &Arguments,
    [control, live, health]: [StdListener; 3],
    stop: watch::Receiver<bool>,
) -> Result<JoinHandle<()>, DevError> {
    let options = Options {
        from_files: arguments.directory.clone(),
        namespace: arguments.namespace.clone(),
        clock: Arc::new(|| Clock::system().wall()),
    };
    let runtime = runtime()?;
    let mut tasks = JoinSet::new();
    let controller = runtime.block_on(async {
        let listeners = Listeners {
            control: TcpListener::from_std(control)?,
            live: Some(TcpListener::from_std(live)?),
            health: Some(TcpListener::from_std(health)?),
        };
        Ok::<_, DevError>(Controller::start(&options, &mut tasks, listeners)?)
    })?;
    Ok(spawn("controller", runtime, async move {
        stopped(stop).await;
        controller.shutdown();
        tasks.shutdown().await;
        Ok(())
    })?)
}

async fn simulate(listener: StdListener, stop: watch::Receiver<bool>) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    let simulator = Simulator::new(SimConfig::default());
    tokio::select! {
        () = simulator.serve(listener) => {}
        () = stopped(stop) => {}
    }
    Ok(())
}

fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

/// A thread that runs `work` on `runtime`.
fn spawn(
    name: &str,
    runtime: Runtime,
    work: impl Future<Output = io::Result<()>> + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name(name.to_owned()).spawn(move || {
        if let Err(error) = runtime.block_on(work) {
            tracing::error!(%error, "a part of the process ended");
        }
    })
}

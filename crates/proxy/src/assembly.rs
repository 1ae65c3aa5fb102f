//! Putting a sidecar together: everything is bound first, or nothing is; then two threads run it.
//!
//! Calls have a runtime of their own, on the thread that calls [`Bound::run`]; the control link, health and
//! admin have another. A busy control plane never takes time from a call.

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener as StdUnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use sidegate_telemetry::audit::{Output, Writer};
use sidegate_telemetry::{AuditQueue, Format, Metrics, SpanQueue};
use thiserror::Error;
use tokio::net::{TcpListener, UnixListener};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{interval, timeout};

use crate::admin;
use crate::clock::Clock;
use crate::config::{Config, shared_caller};
use crate::control::apply::Applier;
use crate::control::status::Status;
use crate::control::store::Store;
use crate::control::{InvalidControl, Link, endpoint};
use crate::dispatch::connect::Network;
use crate::dispatch::pool::Pools;
use crate::health::{self, Health};
use crate::listen::accept;
use crate::otlp::metrics::Teller;
use crate::otlp::{self, Exporter};
use crate::sidecar::{Parts, Sidecar};

/// Bytes of audit lines that may wait for the writer.
const AUDIT_BYTES: usize = 1 << 20;
/// Pending connections of the call port.
const BACKLOG: i32 = 1024;
/// How often idle connections are looked through.
const SWEEP: Duration = Duration::from_secs(15);

/// Why a sidecar cannot start: a sentence that says what to do.
#[derive(Debug, Error)]
pub enum StartError {
    /// A flag's value.
    #[error("{0}")]
    Flag(String),
    /// An address.
    #[error("cannot listen on {address}: {source}; is another sidecar running, or should {flag} be another address?")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Told by which flag.
        flag: &'static str,
        /// What the system says.
        source: io::Error,
    },
    /// The admin socket.
    #[error("cannot make the admin socket {path}: {source}; choose another --admin-socket")]
    Socket {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The state directory.
    #[error("cannot write to the state directory {path}: {source}; choose another --state-dir")]
    State {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The audit file.
    #[error("cannot append to the audit file {path}: {source}; choose another --audit")]
    Audit {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The control plane's address.
    #[error(transparent)]
    Control(#[from] InvalidControl),
    /// Threads and runtimes.
    #[error("cannot start: {0}")]
    System(#[from] io::Error),
}

/// A sidecar whose sockets and files are open, and that serves nothing yet.
pub struct Bound {
    config: Config,
    calls: Vec<StdListener>,
    metrics: StdListener,
    admin: Option<StdUnixListener>,
    store: Store,
    audit: Output,
    audit_format: Format,
    control: tonic::transport::Endpoint,
    traces: Option<otlp::Settings>,
    told: Option<(otlp::Settings, Duration)>,
}

/// Opens everything that a sidecar needs.
///
/// # Errors
/// [`StartError`]; then nothing stays open.
pub fn bind(config: Config, audit_format: Format) -> Result<Bound, StartError> {
    let addresses = config.call_addresses().map_err(StartError::Flag)?;
    let control = endpoint(&config.control)?;
    let traces = otlp::Settings::traces(&config).map_err(StartError::Flag)?;
    let told = otlp::Settings::metrics(&config).map_err(StartError::Flag)?;
    let store = Store::open(&config.state_dir)
        .map_err(|source| StartError::State { path: config.state_dir.clone(), source })?;
    let audit = Output::open(&config.audit, config.audit_rotation())
        .map_err(|source| StartError::Audit { path: config.audit.clone(), source })?;
    let mut calls = Vec::new();
    for address in addresses {
        match listen(address) {
            Ok(listener) => calls.push(listener),
            // A host without IPv6 has no ::1, and that is no fault.
            Err(error) if address.is_ipv6() && no_ipv6(&error) && !calls.is_empty() => {}
            Err(source) => return Err(StartError::Listen { address, flag: "--listen", source }),
        }
    }
    let metrics = listen(config.metrics_listen).map_err(|source| StartError::Listen {
        address: config.metrics_listen,
        flag: "--metrics-listen",
        source,
    })?;
    let admin = config
        .admin_socket
        .as_ref()
        .map(|path| unix_listener(path).map_err(|source| StartError::Socket { path: path.clone(), source }));
    Ok(Bound { admin: admin.transpose()?, config, calls, metrics, store, audit, audit_format, control, traces, told })
}

fn listen(address: SocketAddr) -> io::Result<StdListener> {
    let domain = socket2::Domain::for_address(address);
    let socket = socket2::Socket::new(domain, socket2::Type::STREAM, None)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

fn no_ipv6(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::AddrNotAvailable | io::ErrorKind::Unsupported)
        || error.raw_os_error() == Some(97)
}

/// A socket for this user alone. One left behind by an earlier run is replaced; one that somebody serves is not.
fn unix_listener(path: &PathBuf) -> io::Result<StdUnixListener> {
    if let Ok(there) = std::fs::symlink_metadata(path) {
        // Anything else than a socket is somebody's file.
        if !there.file_type().is_socket() || UnixStream::connect(path).is_ok() {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        std::fs::remove_file(path)?;
    }
    let listener = StdUnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

impl Bound {
    /// Serves until `stop` says so, then drains.
    ///
    /// # Errors
    /// When threads or runtimes cannot be had.
    pub fn run(self, stop: watch::Receiver<bool>) -> Result<(), StartError> {
        let clock = Clock::system();
        let audit = Arc::new(AuditQueue::new(self.audit_format, AUDIT_BYTES));
        let writer = Writer::start(audit.clone(), self.audit)?;
        let caller = shared_caller(&self.config);
        let spans = self.traces.is_some().then(Arc::<SpanQueue>::default);
        let sidecar = Sidecar::new(Parts {
            metrics: Arc::new(Metrics::new(&caller)),
            caller,
            clock,
            seed: seed(),
            bounds: self.config.bounds(),
            pools: Pools::new(Arc::new(Network::default())),
            audit,
            spans,
        });
        let status = Arc::new(Status::new(clock));
        let mut applier = Applier::new(self.store);
        if applier.restore(&sidecar) {
            status.restored(&applier.has().policy);
        }
        let beside = Beside {
            health: Health { sidecar: sidecar.clone(), status: status.clone() },
            metrics: self.metrics,
            admin: self.admin,
            control: self.control,
            token: self.config.token_file.clone(),
            applier,
            traces: self.traces,
            told: self.told,
        };
        let (ended, has_ended) = watch::channel(false);
        let thread = std::thread::Builder::new().name("control".into()).spawn({
            let runtime = runtime()?;
            move || runtime.block_on(beside.run(has_ended))
        })?;
        let drain = Duration::from_secs(self.config.drain_seconds);
        runtime_of_calls(&sidecar)?.block_on(serve_calls(sidecar.clone(), self.calls, status, stop, drain))?;
        // The last calls may have settled after the last idle moment.
        sidecar.telling.tell_all();
        let _ = ended.send(true);
        let _ = thread.join();
        if let Some(path) = &self.config.admin_socket {
            let _ = std::fs::remove_file(path);
        }
        drop(writer);
        Ok(())
    }
}

fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

/// A runtime whose idle moments are when settled calls are told of.
pub(crate) fn runtime_of_calls(sidecar: &Arc<Sidecar>) -> io::Result<Runtime> {
    // Connections to providers are tasks of this runtime, and the sidecar has them.
    let told = Arc::downgrade(sidecar);
    let tell = move || {
        if let Some(sidecar) = told.upgrade() {
            sidecar.telling.tell_all();
        }
    };
    let runtime = Builder::new_current_thread().enable_all().on_thread_park(tell).build()?;
    sidecar.telling.be_patient();
    Ok(runtime)
}

/// Chance from the system, once: the keys that the standard library seeds its maps with. The cryptographic
/// generator would spend most of the time of a start on gathering entropy that a draw by weight does not need.
fn seed() -> u64 {
    RandomState::new().hash_one(std::process::id())
}

/// The call path's own thread.
async fn serve_calls(
    sidecar: Arc<Sidecar>,
    listeners: Vec<StdListener>,
    status: Arc<Status>,
    mut stop: watch::Receiver<bool>,
    drain: Duration,
) -> io::Result<()> {
    let mut tasks = JoinSet::new();
    for listener in listeners {
        tasks.spawn(accept(sidecar.clone(), TcpListener::from_std(listener)?, stop.clone()));
    }
    let mut sweep = interval(SWEEP);
    loop {
        tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => break,
            _ = sweep.tick() => {
                sidecar.pools.close_idle();
                // For a thread that has no idle moment.
                sidecar.telling.tell_all();
            }
        }
    }
    status.draining();
    let drained = async { while tasks.join_next().await.is_some() {} };
    // What has not ended by then is dropped, and dropping settles it.
    let _ = timeout(drain, drained).await;
    Ok(())
}

/// What runs beside the calls.
struct Beside {
    health: Health,
    metrics: StdListener,
    admin: Option<StdUnixListener>,
    control: tonic::transport::Endpoint,
    token: Option<PathBuf>,
    applier: Applier,
    traces: Option<otlp::Settings>,
    told: Option<(otlp::Settings, Duration)>,
}

impl Beside {
    async fn run(self, stop: watch::Receiver<bool>) {
        let mut tasks = JoinSet::new();
        if let Ok(listener) = TcpListener::from_std(self.metrics) {
            tasks.spawn(health::serve(self.health.clone(), listener, stop.clone()));
        }
        if let Some(Ok(listener)) = self.admin.map(UnixListener::from_std) {
            tasks.spawn(admin::serve(self.health.clone(), listener, stop.clone()));
        }
        if let (Some(settings), Some(spans)) = (self.traces, &self.health.sidecar.spans) {
            let metrics = self.health.sidecar.metrics.clone();
            tasks.spawn(Exporter::new(&settings, spans.clone(), metrics, seed()).run(stop.clone()));
        }
        if let Some((settings, interval)) = self.told {
            tasks.spawn(Teller::new(&settings, interval, self.health.sidecar.clone()).run(stop.clone()));
        }
        let link = Link {
            sidecar: self.health.sidecar,
            channel: self.control.connect_lazy(),
            applier: self.applier,
            status: self.health.status,
            token: self.token,
        };
        tasks.spawn(link.run(stop));
        while tasks.join_next().await.is_some() {}
    }
}

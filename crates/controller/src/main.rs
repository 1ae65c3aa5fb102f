//! The control plane as a program: flags, sockets, signals. All sockets are bound before anything runs, or none stays.

use std::io::Write;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use sidegate_controller::config::{Flags, log_filter};
use sidegate_controller::otlp::{self, Otlp};
use sidegate_controller::source::kube::connect;
use sidegate_controller::{ClusterOptions, Controller, Listeners, Options};
use sidegate_telemetry::AuditQueue;
use sidegate_telemetry::audit::{Output, Rotation, Writer};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;

/// What the program ends with when it is not started as it should be.
const USAGE: u8 = 64;
/// What may still be going on when it was told to end gets this long.
const GRACE: Duration = Duration::from_millis(800);

fn main() -> ExitCode {
    let flags = match Flags::try_parse() {
        Ok(flags) => flags,
        Err(error) if error.use_stderr() => return refuse(&error),
        Err(help) => {
            // Help and version go where they are asked for; a closed pipe is no fault.
            let _ = help.print();
            return ExitCode::SUCCESS;
        }
    };
    tracing_subscriber::fmt().with_env_filter(log_filter()).with_writer(std::io::stderr).with_target(false).init();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let ended = runtime.map_err(|e| format!("cannot start: {e}")).and_then(|runtime| {
        let ended = runtime.block_on(run(flags));
        runtime.shutdown_timeout(Duration::from_millis(100));
        ended
    });
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => refuse(&sentence),
    }
}

async fn run(flags: Flags) -> Result<(), String> {
    // Said wrongly, it ends the program before anything else is done.
    let telemetry = otlp::Settings::read(&flags.otlp, flags.resource())?;
    let audit = Arc::new(AuditQueue::default());
    let controller = load(&flags).await?.audited(audit.clone());
    let rotation = Rotation { max_bytes: flags.audit_max_bytes, keep: flags.audit_keep };
    let output = Output::open(&flags.audit, rotation).map_err(|e| {
        format!("cannot append to the audit file {}: {e}; choose another --audit", flags.audit.display())
    })?;
    let listeners = Listeners {
        control: bind(flags.listen, "--listen").await?,
        live: Some(bind(flags.live_listen, "--live-listen").await?),
        health: Some(bind(flags.metrics_listen, "--metrics-listen").await?),
    };
    let signals = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()));
    let (Ok(mut terminate), Ok(mut interrupt)) = signals else {
        return Err("cannot listen for signals".to_owned());
    };
    let control = listeners.control.local_addr();
    let [live, health] = [&listeners.live, &listeners.health].map(|l| l.as_ref().map(TcpListener::local_addr));
    // Dropped last, when everything has been told that will be.
    let _writer = Writer::start(audit, output).map_err(|e| format!("cannot start: {e}"))?;
    let _otlp = match &telemetry {
        Some(settings) => Some(Otlp::start(settings, &controller.control()).map_err(|e| e.to_string())?),
        None => None,
    };
    let mut tasks = JoinSet::new();
    controller.run(&mut tasks, listeners);
    // A flag may say port 0, so the addresses come from the sockets.
    let shown = |address: Option<std::io::Result<SocketAddr>>| address.and_then(Result::ok).map(|a| a.to_string());
    let [control, live, health] = [Some(control), live, health].map(|address| shown(address).unwrap_or_default());
    tracing::info!("serving sidecars on {control}, people on {live}, health and metrics on {health}");
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    controller.shutdown();
    let ended = async { while tasks.join_next().await.is_some() {} };
    // Whoever does not end in time is ended.
    let _ = tokio::time::timeout(GRACE, ended).await;
    Ok(())
}

async fn load(flags: &Flags) -> Result<Controller, String> {
    #[expect(clippy::disallowed_methods, reason = "this is where the one clock of the program is made")]
    let clock = Arc::new(jiff::Timestamp::now);
    let namespace = flags.namespace.clone();
    let loaded = match &flags.from_files {
        Some(from_files) => Controller::load(&Options { from_files: from_files.clone(), namespace, clock }),
        None => {
            let client = connect(flags.kubeconfig.as_deref(), flags.context.as_deref()).await;
            let client = client.map_err(|e| e.to_string())?;
            let audience = flags.token_audience.clone();
            Controller::of_cluster(&ClusterOptions { client, namespace, audience, clock })
        }
    };
    loaded.map_err(|e| e.to_string())
}

async fn bind(address: SocketAddr, flag: &str) -> Result<TcpListener, String> {
    TcpListener::bind(address).await.map_err(|e| {
        format!("cannot listen on {address}: {e}; stop what listens there or choose another address with {flag}")
    })
}

fn refuse(sentence: &dyn std::fmt::Display) -> ExitCode {
    // There is nobody left to tell if this fails.
    let _ = writeln!(std::io::stderr(), "{sentence}");
    ExitCode::from(USAGE)
}

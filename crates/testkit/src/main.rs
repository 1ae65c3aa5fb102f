//! `sidegate-sim`: the provider simulator as a program.
//!
//! Wrong flags and a port in use end it with code 64 and a sentence, before it
//! has served anything.

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use sidegate_testkit::sim::{Key, SimConfig, Simulator, TlsIdentity};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// What a wrong configuration exits with.
const WRONG_USAGE: u8 = 64;

/// A simulator of LLM providers: OpenAI, Anthropic and Gemini on one port.
#[derive(Debug, Parser)]
#[command(name = "sidegate-sim", version)]
struct Flags {
    /// Address to serve HTTP/1.1 and HTTP/2 (prior knowledge) on.
    #[arg(long, default_value = "127.0.0.1:18080")]
    listen: SocketAddr,
    /// Address to serve HTTP/1.1 and HTTP/2 over TLS on, with a certificate for
    /// loopback names that is made at the start.
    #[arg(long, requires = "ca_out")]
    tls_listen: Option<SocketAddr>,
    /// File to write the certificate of the authority to (PEM).
    #[arg(long, value_name = "FILE")]
    ca_out: Option<PathBuf>,
    /// Another name for the certificate; repeatable.
    #[arg(long = "tls-name", value_name = "NAME")]
    tls_names: Vec<String>,
    /// A key to accept, with the name that the bill gives it; repeatable.
    /// Without any, every key is accepted.
    #[arg(long = "key", value_name = "NAME=VALUE", value_parser = key)]
    keys: Vec<Key>,
    /// Keep no bill and answer equal requests from memory: a load target.
    #[arg(long)]
    no_bill: bool,
    /// Content events of every answer, instead of one for each word.
    #[arg(long)]
    events: Option<usize>,
    /// Milliseconds between the events of a stream.
    #[arg(long, default_value_t = 0)]
    pause_ms: u64,
}

fn key(text: &str) -> Result<Key, String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() && !value.is_empty() => Ok(Key::new(name, value)),
        _ => Err("a key is NAME=VALUE".to_owned()),
    }
}

impl Flags {
    fn config(&self) -> SimConfig {
        let mut config = SimConfig::default();
        config.keys.clone_from(&self.keys);
        config.bill = !self.no_bill;
        config.answers.events = self.events;
        config.answers.pause_ms = self.pause_ms;
        config
    }
}

fn main() -> ExitCode {
    let flags = match Flags::try_parse() {
        Ok(flags) => flags,
        Err(error) => {
            drop(error.print());
            return if error.use_stderr() { ExitCode::from(WRONG_USAGE) } else { ExitCode::SUCCESS };
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let served = match runtime {
        Ok(runtime) => runtime.block_on(serve(&flags)),
        Err(error) => Err(format!("cannot start a runtime: {error}")),
    };
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            drop(writeln!(std::io::stderr(), "sidegate-sim: {sentence}"));
            ExitCode::from(WRONG_USAGE)
        }
    }
}

async fn serve(flags: &Flags) -> Result<(), String> {
    let sim = Simulator::new(flags.config());
    let plain = listen("http", flags.listen).await?;
    let secured = match (flags.tls_listen, &flags.ca_out) {
        (Some(address), Some(file)) => {
            let identity = TlsIdentity::new(&flags.tls_names).map_err(|error| error.to_string())?;
            let written = std::fs::write(file, identity.ca_pem());
            written.map_err(|error| format!("cannot write {}: {error}", file.display()))?;
            Some((listen("https", address).await?, identity))
        }
        _ => None,
    };
    let tls = async {
        match secured {
            Some((listener, identity)) => sim.serve_tls(listener, &identity).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = sim.serve(plain) => {}
        () = tls => {}
        () = told_to_stop() => {}
    }
    Ok(())
}

async fn listen(scheme: &str, address: SocketAddr) -> Result<TcpListener, String> {
    let cannot = |error| format!("cannot listen on {address}: {error}");
    let listener = TcpListener::bind(address).await.map_err(cannot)?;
    let bound = listener.local_addr().map_err(cannot)?;
    drop(writeln!(std::io::stderr(), "sidegate-sim: serving {scheme}://{bound}"));
    Ok(listener)
}

async fn told_to_stop() {
    let terminate = async {
        match signal(SignalKind::terminate()) {
            Ok(mut terminate) => drop(terminate.recv().await),
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        () = terminate => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}

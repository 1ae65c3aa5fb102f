//! The sidecar's program: flags, sockets, then calls until it is told to stop.

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use sidegate_proxy::assembly::bind;
use sidegate_proxy::config::Config;
use sidegate_telemetry::Format;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Wrong use of the command line, or a start that cannot succeed (`EX_USAGE` of sysexits).
const USAGE: u8 = 64;

fn main() -> ExitCode {
    let config = match Config::try_parse() {
        Ok(config) => config,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(USAGE) } else { ExitCode::SUCCESS };
        }
    };
    tracing_subscriber::fmt()
        .with_env_filter(sidegate_proxy::config::log_filter("info"))
        .with_writer(std::io::stderr)
        .init();
    let started = bind(config, Format::Json).and_then(|bound| {
        let stop = sidegate_proxy::signals::stop_on_signal()?;
        bound.run(stop)
    });
    match started {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Whatever is logged: who started it is told why it ends.
            let _ = writeln!(std::io::stderr(), "sidegate-proxy: {error}");
            ExitCode::from(USAGE)
        }
    }
}

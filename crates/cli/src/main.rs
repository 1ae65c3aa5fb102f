//! The command line of Sidegate.

mod crds;
mod dev;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Wrong use of the command line, or a start that cannot succeed (`EX_USAGE` of sysexits).
const USAGE: u8 = 64;

/// Sidegate: an AI gateway beside every pod.
#[derive(Debug, Parser)]
#[command(name = "sidegate", version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run control plane, sidecar and provider simulator in one process, from the YAML that kubectl would apply.
    Dev(Box<dev::Arguments>),
    /// Print the definitions of the objects, and what admits them, as YAML for kubectl apply --server-side.
    Crds(crds::Arguments),
}

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(USAGE) } else { ExitCode::SUCCESS };
        }
    };
    tracing_subscriber::fmt()
        .with_env_filter(sidegate_proxy::config::log_filter("warn"))
        .with_writer(std::io::stderr)
        .init();
    let done = match arguments.command {
        Command::Dev(arguments) => dev::run(*arguments).map_err(Box::<dyn std::error::Error>::from),
        Command::Crds(arguments) => crds::run(&arguments).map_err(Into::into),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            use std::io::Write;
            let _ = writeln!(std::io::stderr(), "sidegate: {error}");
            ExitCode::from(USAGE)
        }
    }
}

//! The command line of Sidegate, and as `kubectl-sidegate` the plugin of kubectl: `kubectl sidegate …`.

mod called;
mod check;
mod completions;
mod crds;
mod dev;
mod effective;
mod explain;
mod failure;
mod live;
mod man;
mod objects;
mod output;
mod source;
mod who;
mod words;

use std::io::Write;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use failure::{Failure, USAGE};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Sidegate: an AI gateway beside every pod.
#[derive(Debug, Parser)]
#[command(name = "sidegate", version)]
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
    /// Say where a call would go and why: the rule that wins, those that lose, what is left out, what is held.
    Explain(explain::Arguments),
    /// Print the effective policy of a pod or workload, with the object and field that each part came from.
    Effective(effective::Arguments),
    /// Check objects in files by the rules of the control plane, and across each other, without a cluster.
    Check(check::Arguments),
    /// Show calls as they end, of the sidecars that the control plane is connected with.
    Tap(live::tap::Arguments),
    /// Show who spends most, and why calls fail, over the last minutes.
    Top(live::top::Arguments),
    /// Show the record of one call: what was decided, what was tried, what it took.
    Trace(live::trace::Arguments),
    /// Print the completions of a shell.
    Completions(completions::Arguments),
    /// Print the manual page.
    Man,
}

fn main() -> ExitCode {
    let program = called::program();
    if program == called::Program::Completer {
        return ended(completions::complete(&called::words(), &called::Program::Plugin.dress(Arguments::command())));
    }
    let parsed = program.dress(Arguments::command()).try_get_matches_from(called::words());
    let arguments = match parsed.and_then(|matches| Arguments::from_arg_matches(&matches)) {
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
    ended(run(arguments.command, program))
}

fn run(command: Command, program: called::Program) -> Result<ExitCode, Failure> {
    match command {
        Command::Dev(arguments) => {
            dev::run(*arguments).map(|()| ExitCode::SUCCESS).map_err(|error| Failure::new(USAGE, error))
        }
        Command::Crds(arguments) => {
            crds::run(&arguments).map(|()| ExitCode::SUCCESS).map_err(|error| Failure::new(USAGE, error))
        }
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Effective(arguments) => effective::run(&arguments),
        Command::Check(arguments) => check::run(&arguments),
        Command::Tap(arguments) => live::tap::run(&arguments),
        Command::Top(arguments) => live::top::run(&arguments),
        Command::Trace(arguments) => live::trace::run(&arguments),
        Command::Completions(arguments) => completions::run(&arguments, program.dress(Arguments::command())),
        Command::Man => man::run(program.dress(Arguments::command())),
    }
}

fn ended(done: Result<ExitCode, Failure>) -> ExitCode {
    done.unwrap_or_else(|failure| {
        let _ = writeln!(std::io::stderr(), "sidegate: {}", failure.message);
        ExitCode::from(failure.code)
    })
}

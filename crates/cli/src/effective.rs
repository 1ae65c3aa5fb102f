//! `sidegate effective`: the effective policy of a pod or workload, each part with the object and field that it came
//! from. It is the policy that the control plane would send there; nothing is decided here.

mod provider;
mod telemetry;
mod tell;
mod value;

use std::process::ExitCode;

use crate::failure::{FORBIDDEN, Failure};
use crate::output::{self, Form};
use crate::{objects, who};

/// Flags of `sidegate effective`.
#[derive(Debug, Clone, clap::Args)]
#[command(
    after_help = "Exit codes: 0 printed, 64 wrong use, 66 a file cannot be read, 69 the API server or the object \
                        is not there, 77 you may not read it, or not all that decides (the incomplete policy is printed)."
)]
pub struct Arguments {
    #[command(flatten)]
    who: who::Asking,
    /// Print for programs.
    #[arg(short, long, value_name = "FORM")]
    output: Option<Form>,
}

/// Prints an effective policy.
///
/// # Errors
/// When there is no answer.
pub fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let gathered = objects::gather(&arguments.who)?;
    let policy = value::effective(gathered);
    output::print(&policy, arguments.output)?;
    Ok(if policy.complete { ExitCode::SUCCESS } else { ExitCode::from(FORBIDDEN) })
}

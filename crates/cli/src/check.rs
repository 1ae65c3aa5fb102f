//! `sidegate check`: objects in files, by the rules of the control plane and across each other, without a cluster.
//!
//! It reads as the control plane reads, so what it accepts is accepted. What no object of the files can decide (which
//! pods there are) is answered for callers that stand for them, see [`callers`].

mod callers;
mod cross;
mod globs;
mod report;
mod unresolved;

use std::path::PathBuf;
use std::process::ExitCode;

use sidegate_controller::source::files::Files;
use sidegate_controller::{Problem, Severity};

use crate::failure::{Failure, NO, NO_INPUT};
use crate::objects;
use crate::output::{self, Form};
use report::Report;

/// Flags of `sidegate check`.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Exit codes: 0 nothing is wrong (with --strict: not even a warning), 1 something is, 64 wrong \
                        use, 66 a file cannot be read.")]
pub struct Arguments {
    /// Files, directories, or - for what is piped in.
    #[arg(short, long, value_name = "FILE", required = true, num_args = 1..)]
    filename: Vec<PathBuf>,
    /// Warnings count as errors.
    #[arg(long)]
    strict: bool,
    /// Namespace of the control plane: objects there are the cluster's.
    #[arg(long, value_name = "NAMESPACE", default_value = "sidegate-system")]
    control_namespace: String,
    /// Print for programs.
    #[arg(short, long, value_name = "FORM")]
    output: Option<Form>,
}

/// Checks files.
///
/// # Errors
/// When they cannot be read at all; what is wrong with them is an answer.
pub fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let files = objects::read(&arguments.filename)?;
    let (foreign, mut problems) = files.listing().problems.iter().cloned().partition::<Vec<_>, _>(is_foreign);
    problems.extend(of_objects(&files, &arguments.control_namespace)?);
    let report = Report::of(&files, problems, foreign.len());
    if report.documents() == 0 {
        return Err(Failure::new(NO_INPUT, "there is no object in what was named: nothing was checked"));
    }
    output::print(&report, arguments.output)?;
    let wrong = report.errors > 0 || (arguments.strict && report.warnings > 0);
    Ok(if wrong { ExitCode::from(NO) } else { ExitCode::SUCCESS })
}

/// Everything that is wrong with the objects that could be read.
fn of_objects(files: &Files, control_namespace: &str) -> Result<Vec<Problem>, Failure> {
    let mut index = objects::empty_index(control_namespace)?;
    files.apply_to(&mut index);
    let mut found: Vec<Problem> = unresolved::judged(index.problems(), files.listing()).collect();
    found.extend(cross::problems(files.listing(), index, control_namespace));
    Ok(found)
}

/// A document that is somebody else's: the reader warns of nothing else.
fn is_foreign(problem: &Problem) -> bool {
    problem.severity == Severity::Warning && problem.object.is_none()
}

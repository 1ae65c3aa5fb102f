//! The load generator as a program: a command line in, one JSON object out; `counting` on standard
//! error when the warm-up is over. Loopback only.
//!
//! Not here: anything else; the library's `load` is what runs.

use std::process::ExitCode;

use sidegate_bench::load::{Plan, run};

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line speaks to a terminal")]
fn main() -> ExitCode {
    let plan = match Plan::parse(std::env::args().skip(1)) {
        Ok(plan) => plan,
        Err(invalid) => {
            eprintln!("bench-load: {invalid}");
            return ExitCode::from(64);
        }
    };
    match run(plan, || eprintln!("counting")) {
        Ok(tally) => {
            println!("{}", tally.report());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("bench-load: {error}");
            ExitCode::FAILURE
        }
    }
}

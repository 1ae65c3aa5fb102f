//! `sidegate explain`: where a call would go and why, by the same decision that a sidecar makes.
//!
//! What only a sidecar knows is not in it: circuits that are out, earlier turns of a conversation, room that is left
//! under a limit.

mod answer;
mod call;
mod tell;
mod weigh;

use std::process::ExitCode;

use sidegate_policy::{Dialect, Operation};

use crate::failure::{FORBIDDEN, Failure, NO};
use crate::output::{self, Form};
use crate::{objects, who};

/// Flags of `sidegate explain`.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Exit codes: 0 the call would go, 1 it would be refused, 64 wrong use, 66 a file cannot be \
                        read, 69 the API server or the object is not there, 77 you may not read it, or not all that decides (the \
                        incomplete answer is printed).")]
pub struct Arguments {
    #[command(flatten)]
    who: who::Asking,
    /// The model that the call asks for.
    #[arg(short, long, value_name = "MODEL")]
    model: String,
    /// A model that the body lets the provider answer with instead; may be repeated.
    #[arg(long = "fallback", value_name = "MODEL")]
    fallbacks: Vec<String>,
    /// The dialect of the call: OpenAI, Anthropic or Gemini; by default that of the operation, else OpenAI.
    #[arg(short, long, value_name = "DIALECT", value_parser = call::Dialects)]
    dialect: Option<Dialect>,
    /// What the call does; by default the dialect's way to generate text.
    #[arg(long, value_name = "OPERATION", value_parser = call::Operations)]
    operation: Option<Operation>,
    /// A header of the call; may be repeated.
    #[arg(long = "header", value_name = "NAME=VALUE", value_parser = call::header)]
    headers: Vec<call::Header>,
    /// Print for programs.
    #[arg(short, long, value_name = "FORM")]
    output: Option<Form>,
}

/// Explains a call.
///
/// # Errors
/// When there is no answer; a refusal is one.
pub fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let call = call::asked(arguments)?;
    let gathered = objects::gather(&arguments.who)?;
    let explanation = weigh::explain(gathered, &call);
    output::print(&explanation, arguments.output)?;
    Ok(match explanation.refusal {
        _ if !explanation.complete => ExitCode::from(FORBIDDEN),
        Some(_) => ExitCode::from(NO),
        None => ExitCode::SUCCESS,
    })
}

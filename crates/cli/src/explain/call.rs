//! The call that is asked about, from flags.

use std::sync::Arc;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use sidegate_policy::{Bounds, Call, Conversation, Dialect, Fallbacks, Operation, Streaming};

use super::Arguments;
use crate::failure::{Failure, USAGE};

/// Lower-case name and value.
pub type Header = (Arc<str>, String);

/// Operations that go to a provider, each with the dialects that have it.
const OPERATIONS: [(Operation, &[Dialect]); 10] = [
    (Operation::ChatCompletions, &[Dialect::OpenAi]),
    (Operation::Responses, &[Dialect::OpenAi]),
    (Operation::InputTokens, &[Dialect::OpenAi]),
    (Operation::Embeddings, &[Dialect::OpenAi]),
    (Operation::Completions, &[Dialect::OpenAi]),
    (Operation::Messages, &[Dialect::Anthropic]),
    (Operation::CountTokens, &[Dialect::Anthropic, Dialect::Gemini]),
    (Operation::GenerateContent, &[Dialect::Gemini]),
    (Operation::EmbedContent, &[Dialect::Gemini]),
    (Operation::BatchEmbedContents, &[Dialect::Gemini]),
];

/// Reads a dialect; case does not matter.
#[derive(Debug, Clone, Copy)]
pub struct Dialects;

/// Reads an operation that goes to a provider.
#[derive(Debug, Clone, Copy)]
pub struct Operations;

impl TypedValueParser for Dialects {
    type Value = Dialect;

    fn parse_ref(
        &self,
        command: &clap::Command,
        argument: Option<&clap::Arg>,
        value: &std::ffi::OsStr,
    ) -> Result<Dialect, clap::Error> {
        let known = Dialect::ALL.into_iter().find(|d| value.eq_ignore_ascii_case(d.as_str()));
        let names = PossibleValuesParser::new(Dialect::ALL.map(Dialect::as_str));
        known.map_or_else(|| names.parse_ref(command, argument, value).map(|_| Dialect::OpenAi), Ok)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(Dialect::ALL.into_iter().map(|d| PossibleValue::new(d.as_str()))))
    }
}

impl TypedValueParser for Operations {
    type Value = Operation;

    fn parse_ref(
        &self,
        command: &clap::Command,
        argument: Option<&clap::Arg>,
        value: &std::ffi::OsStr,
    ) -> Result<Operation, clap::Error> {
        let names = PossibleValuesParser::new(OPERATIONS.map(|(o, _)| o.as_str()));
        let name = names.parse_ref(command, argument, value)?;
        Ok(OPERATIONS.iter().find(|(o, _)| o.as_str() == name).map_or(Operation::ChatCompletions, |(o, _)| *o))
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(OPERATIONS.into_iter().map(|(o, _)| PossibleValue::new(o.as_str()))))
    }
}

/// Reads `name=value`.
///
/// # Errors
/// A sentence about the form.
pub fn header(text: &str) -> Result<Header, String> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE, for example x-tier=gold")?;
    sidegate_crds::formats::header_name(name).map_err(|why| format!("the name {why}"))?;
    Ok((name.to_ascii_lowercase().into(), value.to_owned()))
}

/// The call that the flags describe.
///
/// # Errors
/// When the dialect does not have the operation.
pub fn asked(arguments: &Arguments) -> Result<Call, Failure> {
    let of = |operation| OPERATIONS.iter().find(|(o, _)| *o == operation).map_or(&[][..], |(_, dialects)| dialects);
    let (dialect, operation) = match (arguments.dialect, arguments.operation) {
        (Some(dialect), Some(operation)) if !of(operation).contains(&dialect) => {
            let message = format!("{} has no operation {}", dialect.as_str(), operation.as_str());
            return Err(Failure::new(USAGE, message));
        }
        (dialect, Some(operation)) => {
            (dialect.or(of(operation).first().copied()).unwrap_or(Dialect::OpenAi), operation)
        }
        (dialect, None) => {
            let dialect = dialect.unwrap_or(Dialect::OpenAi);
            (dialect, generation(dialect))
        }
    };
    Ok(Call {
        dialect,
        operation,
        model: arguments.model.as_str().into(),
        fallbacks: Fallbacks { named: arguments.fallbacks.iter().map(|m| m.as_str().into()).collect(), open: false },
        streaming: Streaming::No,
        asked_usage: false,
        bounds: Bounds { choices: 1, ..Bounds::default() },
        conversation: Conversation::default(),
        headers: arguments.headers.clone(),
    })
}

fn generation(dialect: Dialect) -> Operation {
    match dialect {
        Dialect::OpenAi => Operation::ChatCompletions,
        Dialect::Anthropic => Operation::Messages,
        Dialect::Gemini => Operation::GenerateContent,
    }
}

//! `sidegate tap`: calls as they end, one line each.

use std::io::IsTerminal;
use std::process::ExitCode;

use serde_json::{Value, json};
use sidegate_policy::{Class, Glob};
use sidegate_wire::v1;
use sidegate_wire::v1::tap_event::Event;

use super::line::Line;
use super::reach::Reach;
use super::replicas::{Covered, Listened, Merged};
use crate::failure::Failure;

/// Ways for a call to end, beside the classes of failures.
const OUTCOMES: [&str; 5] = ["answered", "refused", "failed", "client_cancelled", "error"];

/// Flags of `sidegate tap`.
#[derive(Debug, Clone, clap::Args)]
#[command(
    after_help = "Each line: when it began, who called, the model asked for and where it went, the rule, tokens, \
                        cost, time to the first event and to the end, how it ended, and its request id, for sidegate trace.\n\
                        A sidecar tells at most 100 calls a second, fewer where there are many sidecars; what is left out is counted."
)]
pub struct Arguments {
    #[command(flatten)]
    reach: Reach,
    /// Only calls of this model, as asked for or as served; a * may stand at one end; may be repeated.
    #[arg(short, long, value_name = "MODEL", value_parser = glob)]
    model: Vec<String>,
    /// Only calls that end like this: an outcome, a class of failure, or error for all but success; may be repeated.
    #[arg(long, value_name = "OUTCOME", value_parser = clap::builder::PossibleValuesParser::new(outcomes()))]
    outcome: Vec<String>,
    /// End after so many calls.
    #[arg(long, value_name = "CALLS")]
    count: Option<u64>,
    /// Print for programs: one JSON object a line.
    #[arg(short, long, value_name = "FORM")]
    output: Option<Form>,
}

/// A form for programs, one call a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Form {
    /// JSON.
    Json,
}

fn glob(text: &str) -> Result<String, String> {
    Glob::parse(text).map(|glob| glob.to_string()).map_err(|invalid| invalid.to_string())
}

fn outcomes() -> Vec<&'static str> {
    OUTCOMES.into_iter().chain(Class::ALL.map(Class::as_str)).collect()
}

/// Shows calls until it is interrupted, or nobody reads any more.
///
/// # Errors
/// When there is nobody to ask, or whoever asks may not.
pub fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    super::run(tap(arguments))
}

async fn tap(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let ask = async |mut asking: super::reach::Asking| {
        let request = v1::TapRequest {
            scope: Some(asking.scope.clone()),
            models: arguments.model.clone(),
            outcomes: arguments.outcome.clone(),
        };
        asking.client.tap(asking.request(request)).await
    };
    let (addresses, streams): (Vec<_>, Vec<_>) = arguments.reach.ask(ask).await?.into_iter().unzip();
    let mut replicas = Listened::to(addresses.len());
    let mut events = Merged::of(streams.into_iter().map(tonic::Response::into_inner));
    let colour = arguments.output.is_none() && std::io::stdout().is_terminal();
    let mut left = arguments.count;
    while left != Some(0) {
        let Some((replica, event)) = events.next().await else { break };
        let event = match super::ended(event) {
            Ok(event) => event,
            Err(failure) => {
                let failure = arguments.reach.whose(addresses[replica], failure);
                let covered = replicas.ended(replica);
                if replicas.is_over() {
                    return Err(failure);
                }
                super::aside(&failure.message);
                watching(covered);
                continue;
            }
        };
        let text = match event.event {
            Some(Event::Call(call)) => {
                left = left.map(|left| left - 1);
                told(arguments, &call, colour)
            }
            Some(Event::Coverage(coverage)) => {
                watching(replicas.covers(replica, coverage));
                continue;
            }
            Some(Event::Missed(calls)) => {
                super::aside(&format!("{calls} more calls are not shown"));
                continue;
            }
            None => continue,
        };
        if !super::write(&text) {
            break;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn watching(covered: Option<Covered>) {
    if let Some(covered) = covered {
        super::aside(&format!("watching {}", covered.tell()));
    }
}

fn told(arguments: &Arguments, call: &v1::SeenCall, colour: bool) -> String {
    let v1::SeenCall { namespace, workload, pod, record } = call;
    if arguments.output.is_none() {
        let line: Line = serde_json::from_slice(record).unwrap_or_default();
        return line.tell(namespace, workload, pod, colour) + "\n";
    }
    let record: Value = serde_json::from_slice(record).unwrap_or_default();
    format!("{}\n", json!({"namespace": namespace, "workload": workload, "pod": pod, "call": record}))
}

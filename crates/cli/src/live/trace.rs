//! `sidegate trace`: the record of one call, from the sidecar that served it, as far as it remembers.

mod tree;

use std::process::ExitCode;

use serde::Serialize;
use serde_json::Value;
use sidegate_wire::v1;

use super::line::Line;
use super::reach::{Asking, Reach};
use super::replicas::Covered;
use crate::failure::{Failure, NO};
use crate::output::{self, Form, Told};

/// Flags of `sidegate trace`.
#[derive(Debug, Clone, clap::Args)]
#[command(
    after_help = "The request id is in the header x-sidegate-request-id of the answer, in the audit line, and in each line \
                        of sidegate tap. A sidecar remembers its last 128 calls, and of those before them the last 128 that failed, were \
                        refused or took more than one attempt.\n\
                        Exit codes: 0 it is shown, 1 no sidecar remembers it, 64 wrong use, 69 the control plane does not answer, \
                        77 you may not see it."
)]
pub struct Arguments {
    /// The request id: 32 hexadecimal digits.
    #[arg(value_name = "REQUEST_ID")]
    request_id: String,
    #[command(flatten)]
    reach: Reach,
    /// Print for programs.
    #[arg(short, long, value_name = "FORM")]
    output: Option<Form>,
}

/// A call, and whose it is.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Trace {
    namespace: String,
    workload: String,
    pod: String,
    /// Its audit line.
    call: Value,
    /// Where it could have gone, in the order of its plan; empty where there was no choice.
    considered: Vec<Considered>,
    #[serde(skip)]
    line: Line,
}

/// A place that the call could have gone to.
#[derive(Debug, Serialize)]
struct Considered {
    provider: String,
    model: String,
    priority: u32,
    suspended: bool,
}

/// Shows the record of a call.
///
/// # Errors
/// When there is nobody to ask, whoever asks may not, or no sidecar remembers the call.
pub fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    super::run(trace(arguments))
}

async fn trace(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let request_id = arguments.request_id.to_ascii_lowercase();
    let ask = async |mut asking: Asking| {
        let request = v1::TraceRequest { scope: Some(asking.scope.clone()), request_id: request_id.clone() };
        asking.client.trace(asking.request(request)).await.map(tonic::Response::into_inner)
    };
    let answers = arguments.reach.find(ask, |traced: &v1::Traced| traced.call.is_some()).await?;
    let answered = answers.iter().map(|traced| traced.answered).sum();
    let coverages: Vec<_> = answers.iter().map(|traced| traced.coverage.unwrap_or_default()).collect();
    let found = answers.into_iter().find_map(|traced| Some((traced.call?, traced.considered)));
    let Some((call, considered)) = found else {
        return Err(unknown(&request_id, answered, &Covered::by(&coverages)));
    };
    let considered = considered.into_iter().map(|place| Considered {
        provider: place.provider,
        model: place.model,
        priority: place.priority,
        suspended: place.suspended,
    });
    let trace = Trace {
        namespace: call.namespace,
        workload: call.workload,
        pod: call.pod,
        line: serde_json::from_slice(&call.record).unwrap_or_default(),
        call: serde_json::from_slice(&call.record).unwrap_or_default(),
        considered: considered.collect(),
    };
    output::print(&trace, arguments.output)?;
    Ok(ExitCode::SUCCESS)
}

fn unknown(request_id: &str, answered: u32, covered: &Covered) -> Failure {
    let who = match answered {
        0 => format!("no sidecar answered, of {}", covered.tell()),
        n => format!("none of {n} that answered remembers it, of {}", covered.tell()),
    };
    let message =
        format!("call {request_id} is not known: {who}; a sidecar remembers its last calls only, see its audit line");
    Failure::new(NO, message)
}

impl Told for Trace {
    fn tell(&self) -> String {
        tree::of(self).tell()
    }
}

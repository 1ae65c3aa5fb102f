//! What is told of calls: what an object says in vain, because others say it first or say no.

use sidegate_controller::{Conflict, Overruled, Problem, Severity};
use sidegate_policy::Telemetry;

use super::Findings;

/// Looks at what is told of the calls of one caller, and at what of it `conflicts` say that it has no effect.
pub fn look(telemetry: &Telemetry, conflicts: &[Conflict], findings: &mut Findings) {
    let Telemetry { traces, content, attributes } = telemetry;
    let holding = traces.meta.iter().chain(&content.meta).chain(attributes.iter().map(|a| &a.meta));
    for meta in holding {
        findings.note(meta, "", None);
    }
    for conflict in conflicts.iter().filter(|conflict| conflict.why != Overruled::Covered) {
        let why = Some((Severity::Warning, Problem::from(conflict).reason));
        findings.note_of(conflict.object.clone(), conflict.field.to_string(), why);
    }
}

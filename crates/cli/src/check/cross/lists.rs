//! Lists of models: entries that allow what another list takes away.

use sidegate_controller::Severity;
use sidegate_policy::{Glob, Mode, ModelList, Snapshot};

use super::Findings;
use crate::check::globs::overlap;

/// Looks at every entry of every list of allowed models of one caller.
pub fn look(snapshot: &Snapshot, findings: &mut Findings) {
    for list in &snapshot.allow {
        for (at, glob) in list.globs.iter().enumerate() {
            let why = without_effect(snapshot, list, glob).map(|why| (Severity::Warning, why));
            findings.note(&list.meta, &format!("[{at}]"), why);
        }
    }
}

/// Why an entry allows nothing.
fn without_effect(snapshot: &Snapshot, list: &ModelList, glob: &Glob) -> Option<String> {
    let mut deny = snapshot.deny.iter().filter(|deny| deny.mode == Mode::Enforce);
    if let Some(deny) = deny.find(|deny| deny.globs.iter().any(|denied| denied.covers(glob))) {
        return Some(format!("allows nothing: {glob} is denied by {}", deny.meta));
    }
    // The broader list is a ceiling; that a closer one allows less is what it is for.
    let mut ceilings =
        snapshot.allow.iter().filter(|other| other.mode == Mode::Enforce && other.rank.bounds(list.rank));
    let ceiling = ceilings.find(|ceiling| !ceiling.globs.iter().any(|allowed| overlap(allowed, glob)))?;
    Some(format!("allows nothing: {glob} is not allowed by {}", ceiling.meta))
}

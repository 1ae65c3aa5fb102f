//! The audit line for people: who, what to where, by which rule, how much, how long, and how it ended.
//!
//! Columns line up for names of usual length and give way to longer ones. Text from outside cannot move the
//! cursor: control characters are replaced.

use std::fmt::Write;
use std::time::Duration;

use sidegate_policy::{Cost, Usage};

use crate::json::bounded;
use crate::record::{CallRecord, Outcome, RuleName, UsageSource};

/// Appends the line, without a line break.
pub(super) fn write(record: &CallRecord, colour: bool, out: &mut Vec<u8>) {
    let mut line = String::with_capacity(160);
    let _ = write!(line, "{:<20} {:<40} {:<12}", caller(record), path(record), rule(record));
    let _ = write!(line, " {:<28} {:<11}", tokens(record), cost(record));
    let _ = write!(line, " {:<13} {:<13} ", first_event(record), format!("total {}", time(record.duration)));
    let outcome = outcome(record);
    if colour {
        let code = match &record.outcome {
            Outcome::Answered => 32,
            Outcome::ClientCancelled => 33,
            Outcome::PassedOn { .. } | Outcome::Refused(_) | Outcome::Failed(_) => 31,
        };
        let _ = write!(line, "\u{1b}[{code}m{outcome}\u{1b}[0m");
    } else {
        line.push_str(&outcome);
    }
    out.extend_from_slice(line.as_bytes());
}

fn caller(record: &CallRecord) -> String {
    let caller = &record.caller;
    let name = [&caller.workload, &caller.service_account, &caller.pod].into_iter().find(|n| !n.is_empty());
    let short = name.map(|n| n.rsplit('/').next().unwrap_or(n)).unwrap_or_default();
    plain(&format!("{}/{short}", caller.namespace))
}

/// `fast → openai/gpt-4o-mini`, with the number of attempts if there were several. The provider's namespace is
/// left to the line for machines.
fn path(record: &CallRecord) -> String {
    let asked = match (&*record.model, record.operation) {
        ("", Some(operation)) => operation.as_str().to_owned(),
        ("", None) => "?".to_owned(),
        (model, _) => plain(model),
    };
    match record.last_attempt() {
        None => asked,
        Some(last) => {
            let several = record.attempts.len();
            let times = if several > 1 { format!(" ({several} attempts)") } else { String::new() };
            let provider = last.provider.rsplit('/').next().unwrap_or_default();
            format!("{asked} → {}/{}{times}", plain(provider), plain(&last.model))
        }
    }
}

fn rule(record: &CallRecord) -> String {
    let by = record.outcome.refused_by().map(|meta| plain(&meta.to_string()));
    by.unwrap_or_else(|| match record.decision.as_ref().map(|d| &d.rule) {
        Some(RuleName::Route { name, .. }) => plain(name),
        Some(RuleName::Accessible) => "accessible".to_owned(),
        None => "-".to_owned(),
    })
}

fn tokens(record: &CallRecord) -> String {
    let Some(Usage { input_total, output_total, cache_read, .. }) = record.usage() else {
        return "tokens unknown".to_owned();
    };
    let about = if record.usage_source() == UsageSource::Estimated { "~" } else { "" };
    format!("in {about}{input_total} out {about}{output_total} cached {}", cache_read.unwrap_or(0))
}

fn cost(record: &CallRecord) -> String {
    match record.cost() {
        None => "-".to_owned(),
        Some(Cost::Priced(nanos)) => format!("${nanos}"),
        Some(Cost::Free) => "free".to_owned(),
        Some(Cost::Unknown) => "unpriced".to_owned(),
    }
}

fn first_event(record: &CallRecord) -> String {
    record.time_to_first_event.map_or_else(|| "first -".to_owned(), |first| format!("first {}", time(first)))
}

fn outcome(record: &CallRecord) -> String {
    let words = [record.outcome.class().map(|c| c.as_str()), record.outcome.reason().map(|r| r.as_str())];
    let why = words.into_iter().flatten().collect::<Vec<_>>().join(" ");
    let status = record.status.map(|status| status.to_string()).unwrap_or_default();
    match &record.outcome {
        Outcome::Answered => status,
        Outcome::PassedOn { .. } => format!("{status} {why}"),
        Outcome::Refused(_) | Outcome::Failed(_) => format!("{} {why}", record.outcome.as_str()),
        Outcome::ClientCancelled => "client cancelled".to_owned(),
    }
}

/// `850µs`, `12.3ms`, `1.23s`
fn time(time: Duration) -> String {
    match time.as_micros() {
        micros @ 0..1_000 => format!("{micros}µs"),
        micros @ 1_000..1_000_000 => format!("{}.{}ms", micros / 1_000, micros % 1_000 / 100),
        micros => format!("{}.{:02}s", micros / 1_000_000, micros % 1_000_000 / 10_000),
    }
}

/// Bounded, and without anything that a terminal acts on.
fn plain(text: &str) -> String {
    let (kept, cut) = bounded(text);
    let mut plain: String = kept.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    if cut {
        plain.push('…');
    }
    plain
}

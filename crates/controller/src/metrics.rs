//! What a scraper is told of the control plane: counts of the streams and statuses, and what is at the moment.
//!
//! Read from the shared state when somebody asks; nothing is kept here. Labels are kinds, subjects and results, and the
//! names of objects only where they do not decode, of which the watches keep a bounded number.

use std::sync::atomic::Ordering;

use sidegate_telemetry::exposition::{Family, Kind as Of, Labels, Sample, Value};
use sidegate_telemetry::instrument::Instrument;
use sidegate_telemetry::names::control::{label, metric};

use crate::control::{Control, Counters, KindReport, PerSubject};
use crate::live::Verb;
use crate::otlp::Sent;
use crate::problem::{Kind, Severity};

/// Everything that is told.
pub(crate) fn read(control: &Control) -> Vec<Family> {
    let mut families = vec![
        gauge(metric::STREAMS, "Sidecars connected", control.roster.count()),
        gauge(
            metric::CLASSES,
            "Classes of callers, each with its effective policy",
            control.read(|i| i.classes().len()),
        ),
        gauge(metric::EPOCH, "The epoch of every policy that is pushed", control.epoch()),
        family(
            metric::BUILD_INFO,
            "The version of the program",
            Of::Gauge,
            vec![level(vec![(label::VERSION, env!("CARGO_PKG_VERSION").into())], 1_u64)],
        ),
    ];
    families.extend(streams(&control.counters, control.changes.dropped()));
    families.push(people(&control.counters));
    if let Some(spans) = control.changes.spans() {
        families.extend(traced(spans.sent()));
    }
    families.extend(objects(control));
    families.extend(statuses(control));
    families.extend(watches(control));
    families
}

fn streams(counters: &Counters, audit_dropped: u64) -> [Family; 7] {
    let subjects = |name, help, of: fn(&PerSubject) -> &std::sync::atomic::AtomicU64| {
        let sample = |(subject, per): (&'static str, &PerSubject)| {
            count(vec![(label::SUBJECT, subject.into())], Counters::read(of(per)))
        };
        family(name, help, Of::Counter, counters.subjects().map(sample).to_vec())
    };
    let mut took = Vec::new();
    for (subject, per) in counters.subjects() {
        per.took.read(&vec![(label::SUBJECT, subject.into())], &mut took);
    }
    let total = |name, help, value| family(name, help, Of::Counter, vec![count(Labels::new(), value)]);
    let read = Counters::read;
    [
        subjects(metric::PUSHES, "Messages pushed to sidecars", |per| &per.pushes),
        subjects(metric::ACKS, "Messages that sidecars took", |per| &per.acks),
        subjects(metric::NACKS, "Messages that sidecars refused", |per| &per.nacks),
        family(metric::PUSH_DURATION, "Seconds from sending something to its answer", Of::Histogram, took),
        total(metric::STREAMS_TURNED_AWAY, "Streams told to come back later", read(&counters.turned_away)),
        total(metric::CREDENTIALS_WITHHELD, "Keys not sent to peers beyond loopback", read(&counters.withheld)),
        total(metric::AUDIT_DROPPED, "Audit lines that were not written", audit_dropped),
    ]
}

/// What became of the spans of changes; nothing where none are sent.
fn traced(sent: &Sent) -> [Family; 2] {
    let lost = sent.lost().map(|(reason, spans)| count(vec![(label::REASON, reason.into())], spans));
    let exported = vec![count(Labels::new(), sent.exported())];
    [
        family(metric::SPANS_EXPORTED, "Spans that the tracing back-end took", Of::Counter, exported),
        family(metric::SPANS_DROPPED, "Spans that are lost", Of::Counter, lost.to_vec()),
    ]
}

fn people(counters: &Counters) -> Family {
    let samples = [Verb::Tap, Verb::Top, Verb::Trace].into_iter().flat_map(|verb| {
        let per = counters.asked(verb);
        [("admitted", &per.admitted), ("refused", &per.refused)].map(|(result, of)| {
            let labels = vec![(label::VERB, verb.as_str().into()), (label::RESULT, result.into())];
            count(labels, Counters::read(of))
        })
    });
    family(metric::PEOPLE, "Questions of people about running sidecars", Of::Counter, samples.collect())
}

fn objects(control: &Control) -> [Family; 3] {
    let kinds = Kind::ALL.map(|kind| level(of_kind(kind.as_str()), control.count(kind)));
    let mut rejected: std::collections::BTreeMap<&'static str, u64> =
        [Kind::AiProvider, Kind::AiPolicy].map(|kind| (kind.as_str(), 0)).into();
    for ((object, _), tally) in control.tally() {
        if let Some(count) = rejected.get_mut(object.kind.as_str()).filter(|_| tally.rejected > 0) {
            *count += 1;
        }
    }
    let rejected = rejected.into_iter().map(|(kind, count)| level(of_kind(kind), count)).collect();
    let problems = control.problems();
    let problems = [("error", Severity::Error), ("warning", Severity::Warning)].map(|(word, severity)| {
        let many = problems.iter().filter(|p| p.severity == severity).count();
        level(vec![(label::SEVERITY, word.into())], many)
    });
    [
        family(metric::OBJECTS, "Objects in force", Of::Gauge, kinds.to_vec()),
        family(metric::OBJECTS_REJECTED, "Objects that a connected sidecar refuses", Of::Gauge, rejected),
        family(metric::PROBLEMS, "Problems of objects", Of::Gauge, problems.to_vec()),
    ]
}

/// Who writes statuses and what becomes of it; nothing from files.
fn statuses(control: &Control) -> Vec<Family> {
    if control.reviewer.is_none() {
        return Vec::new();
    }
    let writer = u64::from(control.writes_status.load(Ordering::Relaxed));
    let counters = &control.counters;
    let results = [("written", &counters.statuses), ("failed", &counters.statuses_failed)];
    let results = results.map(|(word, of)| count(vec![(label::RESULT, word.into())], Counters::read(of)));
    vec![
        gauge(metric::STATUS_WRITER, "1 on the replica that writes statuses", writer),
        family(metric::STATUS_WRITES, "Statuses written, and those that were not taken", Of::Counter, results.to_vec()),
    ]
}

/// How the watches of a cluster stand; nothing from files.
fn watches(control: &Control) -> Vec<Family> {
    let report = control.watches.report();
    let levels = |name, help, value: fn(&KindReport) -> u64| {
        family(name, help, Of::Gauge, report.iter().map(|of| level(of_kind(of.kind), value(of))).collect())
    };
    let counts = |name, help, value: fn(&KindReport) -> u64| {
        family(name, help, Of::Counter, report.iter().map(|of| count(of_kind(of.kind), value(of))).collect())
    };
    let undecodable = report.iter().flat_map(|of| &of.undecodable).map(|object| {
        let mut labels = of_kind(object.kind.as_str());
        labels.push((label::OBJECT_NAMESPACE, object.namespace.to_string().into()));
        labels.push((label::OBJECT_NAME, object.name.to_string().into()));
        level(labels, 1_u64)
    });
    vec![
        levels(metric::WATCH_UP, "Whether the watches of a kind are current", |of| u64::from(of.trouble.is_none())),
        levels(metric::WATCH_AGE, "Seconds since a watch of a kind was heard last", |of| of.age.as_secs()),
        levels(metric::WATCH_OBJECTS, "Objects that the watches of a kind know", |of| of.objects as u64),
        counts(metric::WATCH_LISTS, "Whole lists of a kind", |of| of.lists),
        counts(metric::WATCH_FAILURES, "Failures of the watches of a kind", |of| of.failures),
        family(
            metric::OBJECT_UNDECODABLE,
            "Objects that do not decode; their last good version stays",
            Of::Gauge,
            undecodable.collect(),
        ),
    ]
}

fn of_kind(kind: &'static str) -> Labels {
    vec![(label::KIND, kind.into())]
}

fn gauge(name: &'static str, help: &'static str, value: impl TryInto<i64>) -> Family {
    family(name, help, Of::Gauge, vec![level(Labels::new(), value)])
}

fn family(name: &'static str, help: &'static str, kind: Of, samples: Vec<Sample>) -> Family {
    Family { name, help, kind, samples }
}

fn level(labels: Labels, value: impl TryInto<i64>) -> Sample {
    Sample { labels, value: Value::Level(value.try_into().unwrap_or(i64::MAX)) }
}

fn count(labels: Labels, value: u64) -> Sample {
    Sample { labels, value: Value::Count(value) }
}

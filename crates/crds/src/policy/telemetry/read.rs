//! From what people write of telemetry to the vocabulary. Values of labels are not known here: the index has them.

use std::sync::Arc;
use std::time::Duration;

use sidegate_policy::{Always, Content, Ratio, Telemetry, Traces};

use super::{AlwaysCase, AttributeSpec, CaptureName, ContentSpec, TelemetrySpec, TracesSpec};
use crate::admission::NAMED_NAMESPACES;
use crate::formats;
use crate::invalid::Report;
use crate::object::Origin;
use crate::policy::Targeting;

const MOST_HOSTS: usize = 16;
const SHORTEST_SLOW: Duration = Duration::from_millis(1);
const LONGEST_SLOW: Duration = Duration::from_secs(24 * 3600);

/// What one policy wants to be told of calls.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TelemetryDraft {
    /// Which calls are traced; none means that it does not say. Its source is not set.
    pub traces: Option<Traces>,
    /// How much of their content; none means that it does not say. Its source is not set.
    pub content: Option<Content>,
    /// What is said of them beside.
    pub attributes: Vec<AttributeDraft>,
}

/// One thing that is said of calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttributeDraft {
    /// Its name in the object's list.
    pub name: Arc<str>,
    /// What has its value.
    pub source: AttributeSource,
}

/// What has the value of an attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttributeSource {
    /// A header of the call: lower-case name.
    Header(Arc<str>),
    /// A label of the caller's pod.
    Label(Arc<str>),
}

pub(in crate::policy) fn read(
    spec: Option<&TelemetrySpec>,
    origin: &Origin,
    targeting: &Targeting,
    report: &mut Report,
) -> TelemetryDraft {
    let Some(spec) = spec else { return TelemetryDraft::default() };
    let content = spec.content.as_ref().map(|content| read_content(content, report));
    if content.as_ref().is_some_and(|content| content.capture) {
        report.check(names_namespaces(origin, targeting), "spec.telemetry.content.capture", NAMED_NAMESPACES);
    }
    report.at_most("spec.telemetry.attributes", &spec.attributes, Telemetry::MOST_ATTRIBUTES);
    report.unique("spec.telemetry.attributes", spec.attributes.iter().map(|a| a.name.as_str()));
    TelemetryDraft {
        traces: spec.traces.as_ref().map(|traces| read_traces(traces, report)),
        content,
        attributes: spec.attributes.iter().filter_map(|a| read_attribute(a, report)).collect(),
    }
}

/// Whether a policy applies to namespaces that somebody named, and not to all that there are.
fn names_namespaces(origin: &Origin, targeting: &Targeting) -> bool {
    match targeting {
        _ if !origin.platform => true,
        Targeting::Everything => false,
        Targeting::Refs(_) => true,
        Targeting::Selectors { namespaces, .. } => namespaces.as_ref().is_some_and(|s| s.names_a_value()),
    }
}

fn read_traces(spec: &TracesSpec, report: &mut Report) -> Traces {
    let field = "spec.telemetry.traces";
    let ratio = report.take(format!("{field}.ratio"), formats::ratio(&spec.ratio)).unwrap_or(Ratio::NONE);
    report.unique(&format!("{field}.always"), spec.always.iter().map(|case| case.as_str()));
    let always = |case| spec.always.contains(&case);
    let slow = format!("{field}.slowOver");
    let slow_over = report.take(&slow, formats::duration(&spec.slow_over)).unwrap_or(LONGEST_SLOW);
    report.check((SHORTEST_SLOW..=LONGEST_SLOW).contains(&slow_over), slow, super::SLOW_BOUNDS);
    let hosts = format!("{field}.propagateTo");
    report.at_most(&hosts, &spec.propagate_to, MOST_HOSTS);
    let host = |(at, text): (usize, &String)| report.take(format!("{hosts}[{at}]"), formats::host_glob(text));
    Traces {
        ratio,
        always: Always {
            error: always(AlwaysCase::Error),
            refusal: always(AlwaysCase::Refusal),
            slow: always(AlwaysCase::Slow),
            first: always(AlwaysCase::First),
        },
        slow_over,
        propagate_to: spec.propagate_to.iter().enumerate().filter_map(host).collect(),
        meta: None,
    }
}

fn read_content(spec: &ContentSpec, report: &mut Report) -> Content {
    let highest = Content::HIGHEST_MAX_BYTES;
    let bytes = report.bounded("spec.telemetry.content.maxBytes", spec.max_bytes, 1, highest.into());
    Content {
        capture: spec.capture == CaptureName::Full,
        max_bytes: u32::try_from(bytes).unwrap_or(highest),
        meta: None,
    }
}

fn read_attribute(spec: &AttributeSpec, report: &mut Report) -> Option<AttributeDraft> {
    let field = format!("spec.telemetry.attributes[{}]", spec.name);
    report.take(format!("{field}.name"), formats::entry_name(&spec.name));
    let source = match (&spec.header, &spec.label) {
        (Some(header), None) => {
            let field = format!("{field}.header");
            report.take(&field, formats::header_name(header));
            report.check(!formats::is_secret_header(header), &field, super::NO_SECRET);
            report.check(!formats::is_connection_header(header), &field, super::OF_THE_CALL);
            AttributeSource::Header(header.to_ascii_lowercase().into())
        }
        (None, Some(label)) => {
            report.take(format!("{field}.label"), formats::label_key(label));
            AttributeSource::Label(label.as_str().into())
        }
        _ => {
            report.refuse(field, super::ONE_SOURCE);
            return None;
        }
    };
    Some(AttributeDraft { name: spec.name.as_str().into(), source })
}

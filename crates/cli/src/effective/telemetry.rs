//! What is told of calls as it is in force: every value with the object and field that it came from, or none where it
//! is the default.

use serde::Serialize;
use sidegate_policy::{Always, Attribute, AttributeValue};

use crate::source::Source;
use crate::words;

/// What is told of calls.
#[derive(Debug, Clone, Serialize)]
pub struct Telemetry {
    /// Which calls are traced.
    pub traces: Traces,
    /// How much of prompts and answers a trace holds.
    pub content: Content,
    /// What audit line and spans say beside.
    pub attributes: Vec<Told>,
}

/// Which calls are traced.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Traces {
    /// Share of the calls without a trace of their own.
    pub ratio: String,
    /// Calls that are traced whatever the share.
    pub always: Vec<&'static str>,
    /// How long a call lasts that is slow.
    pub slow_over: String,
    /// Hosts that are told the trace context, beside those of the cluster.
    pub propagate_to: Vec<String>,
    /// Where it came from; none where it is the default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
}

/// How much of prompts and answers a trace holds.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Content {
    /// `None` or `Full`.
    pub capture: &'static str,
    /// Bytes of each text at most.
    pub max_bytes: u32,
    /// Where it came from; none where it is the default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
}

/// One thing that audit line and spans say of a call.
#[derive(Debug, Clone, Serialize)]
pub struct Told {
    /// Its name.
    pub name: String,
    /// The header that has its value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<String>,
    /// Its value, where it is the same for every call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Where it came from.
    pub source: Source,
}

impl Telemetry {
    /// What is told by `telemetry`.
    pub fn of(telemetry: &sidegate_policy::Telemetry) -> Self {
        let sidegate_policy::Telemetry { traces, content, attributes } = telemetry;
        Self {
            traces: Traces {
                ratio: traces.ratio.to_string(),
                always: cases(traces.always),
                slow_over: words::duration(traces.slow_over),
                propagate_to: traces.propagate_to.iter().map(ToString::to_string).collect(),
                source: traces.meta.as_ref().map(Source::from),
            },
            content: Content {
                capture: if content.capture { "Full" } else { "None" },
                max_bytes: content.max_bytes,
                source: content.meta.as_ref().map(Source::from),
            },
            attributes: attributes.iter().map(told).collect(),
        }
    }

    /// The same in rows: what, value, source.
    pub fn rows(&self) -> Vec<Vec<String>> {
        let Self { traces, content, attributes } = self;
        let or_none = |list: String| if list.is_empty() { "none".to_owned() } else { list };
        let row = |what: &str, value: String, source: &Option<Source>| {
            let source = source.as_ref().map_or_else(|| "default".to_owned(), ToString::to_string);
            vec![what.to_owned(), value, source]
        };
        let mut rows = vec![
            row("traces ratio", traces.ratio.clone(), &traces.source),
            row("traces always", or_none(traces.always.join(", ")), &traces.source),
            row("traces slowOver", traces.slow_over.clone(), &traces.source),
            row("traces propagateTo", or_none(traces.propagate_to.join(", ")), &traces.source),
            row("content capture", content.capture.to_owned(), &content.source),
            row("content maxBytes", content.max_bytes.to_string(), &content.source),
        ];
        rows.extend(attributes.iter().map(|attribute| {
            let header = attribute.header.as_ref().map(|header| format!("header {header}"));
            let value = header.or_else(|| attribute.value.clone()).unwrap_or_default();
            vec![format!("attribute {}", attribute.name), value, attribute.source.to_string()]
        }));
        rows
    }
}

fn cases(always: Always) -> Vec<&'static str> {
    let Always { error, refusal, slow, first } = always;
    let all = [(error, "Error"), (refusal, "Refusal"), (slow, "Slow"), (first, "First")];
    all.into_iter().filter(|(always, _)| *always).map(|(_, name)| name).collect()
}

fn told(attribute: &Attribute) -> Told {
    let (header, value) = match &attribute.value {
        AttributeValue::Header(name) => (Some(name.to_string()), None),
        AttributeValue::Known(value) => (None, Some(value.to_string())),
    };
    Told { name: attribute.name.to_string(), header, value, source: Source::from(&attribute.meta) }
}

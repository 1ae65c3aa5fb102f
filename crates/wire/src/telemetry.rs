//! What is told of calls. What nobody said is not sent: the receiver has the same defaults.

use std::time::Duration;

use sidegate_policy::{Always, Attribute, AttributeValue, Content, Glob, Ratio, Telemetry, Traces};

use crate::invalid::{InvalidSnapshot, Wrong, each, filled, present};
use crate::lists::decode_glob;
use crate::origin::{decode_meta, encode_meta};
use crate::provider::millis;
use crate::v1;
use crate::v1::TracedCase;
use crate::v1::attribute::Value;

/// The message; none where everything is as it is when nobody says anything.
pub(crate) fn encode(telemetry: &Telemetry) -> Option<v1::Telemetry> {
    let Telemetry { traces, content, attributes } = telemetry;
    let message = v1::Telemetry {
        traces: (*traces != Traces::default()).then(|| encode_traces(traces)),
        content: (*content != Content::default()).then(|| encode_content(content)),
        attributes: attributes.iter().map(encode_attribute).collect(),
    };
    (message != v1::Telemetry::default()).then_some(message)
}

pub(crate) fn decode(message: Option<v1::Telemetry>) -> Result<Telemetry, InvalidSnapshot> {
    let message = message.unwrap_or_default();
    let count = message.attributes.len();
    if count > Telemetry::MOST_ATTRIBUTES {
        return Err(InvalidSnapshot::at("attributes", Wrong::OutOfBounds(count as u64)));
    }
    let traces = message.traces.map(decode_traces).transpose().map_err(|e| e.within("traces"))?;
    let content = message.content.map(decode_content).transpose().map_err(|e| e.within("content"))?;
    Ok(Telemetry {
        traces: traces.unwrap_or_default(),
        content: content.unwrap_or_default(),
        attributes: each("attributes", message.attributes, decode_attribute)?,
    })
}

fn encode_traces(traces: &Traces) -> v1::Traces {
    let Always { error, refusal, slow, first } = traces.always;
    let cases = [
        (error, TracedCase::Error),
        (refusal, TracedCase::Refusal),
        (slow, TracedCase::Slow),
        (first, TracedCase::First),
    ];
    v1::Traces {
        ratio: traces.ratio.parts(),
        always: cases.into_iter().filter(|(always, _)| *always).map(|(_, case)| case.into()).collect(),
        slow_over: millis(traces.slow_over),
        propagate_to: traces.propagate_to.iter().map(Glob::to_string).collect(),
        meta: traces.meta.as_ref().map(encode_meta),
    }
}

fn decode_traces(traces: v1::Traces) -> Result<Traces, InvalidSnapshot> {
    let out_of_bounds = |field: &str, n: u64| InvalidSnapshot::at(field, Wrong::OutOfBounds(n));
    let mut always = Always::default();
    for case in traces.always {
        match TracedCase::try_from(case) {
            Ok(TracedCase::Error) => always.error = true,
            Ok(TracedCase::Refusal) => always.refusal = true,
            Ok(TracedCase::Slow) => always.slow = true,
            Ok(TracedCase::First) => always.first = true,
            Ok(TracedCase::Unspecified) | Err(_) => {
                return Err(InvalidSnapshot::at("always", Wrong::UnknownValue(case)));
            }
        }
    }
    if traces.slow_over == 0 {
        return Err(out_of_bounds("slow_over", 0));
    }
    Ok(Traces {
        ratio: Ratio::of_billion(traces.ratio).ok_or_else(|| out_of_bounds("ratio", traces.ratio.into()))?,
        always,
        slow_over: Duration::from_millis(traces.slow_over),
        propagate_to: each("propagate_to", traces.propagate_to, |glob| decode_glob(&glob))?,
        meta: traces.meta.map(|meta| decode_meta(Some(meta))).transpose()?,
    })
}

fn encode_content(content: &Content) -> v1::Content {
    let capture = if content.capture { v1::Capture::Full } else { v1::Capture::None };
    v1::Content { capture: capture.into(), max_bytes: content.max_bytes, meta: content.meta.as_ref().map(encode_meta) }
}

fn decode_content(content: v1::Content) -> Result<Content, InvalidSnapshot> {
    let capture = match v1::Capture::try_from(content.capture) {
        Ok(v1::Capture::None) => false,
        Ok(v1::Capture::Full) => true,
        Ok(v1::Capture::Unspecified) | Err(_) => {
            return Err(InvalidSnapshot::at("capture", Wrong::UnknownValue(content.capture)));
        }
    };
    if !(1..=Content::HIGHEST_MAX_BYTES).contains(&content.max_bytes) {
        return Err(InvalidSnapshot::at("max_bytes", Wrong::OutOfBounds(content.max_bytes.into())));
    }
    Ok(Content {
        capture,
        max_bytes: content.max_bytes,
        meta: content.meta.map(|meta| decode_meta(Some(meta))).transpose()?,
    })
}

fn encode_attribute(attribute: &Attribute) -> v1::Attribute {
    let value = match &attribute.value {
        AttributeValue::Header(name) => Value::Header(name.to_string()),
        AttributeValue::Known(value) => Value::Known(value.to_string()),
    };
    v1::Attribute { name: attribute.name.to_string(), value: Some(value), meta: Some(encode_meta(&attribute.meta)) }
}

fn decode_attribute(attribute: v1::Attribute) -> Result<Attribute, InvalidSnapshot> {
    let value = match present("value", attribute.value)? {
        Value::Header(name) => AttributeValue::Header(filled("header", name.to_ascii_lowercase())?),
        Value::Known(value) if value.len() > Attribute::LONGEST_VALUE => {
            return Err(InvalidSnapshot::at("known", Wrong::OutOfBounds(value.len() as u64)));
        }
        Value::Known(value) => AttributeValue::Known(filled("known", value)?),
    };
    Ok(Attribute { name: filled("name", attribute.name)?, value, meta: decode_meta(attribute.meta)? })
}

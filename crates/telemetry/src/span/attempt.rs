//! The CLIENT span: one request to a provider, by the conventions for GenAI clients.

use sidegate_policy::{Cost, Operation, Usage};

use super::{Attributes, Parent, SpanFacts, SpanKind, Value, operation_name, provider_name, tool_events};
use crate::names::attribute;
use crate::record::{AttemptRecord, CallRecord, Tool};

/// The facts of an attempt. What the answer said of itself is told on the one that `answered`.
pub(super) fn facts<'a>(
    record: &'a CallRecord,
    (index, attempt): (usize, &'a AttemptRecord),
    answered: bool,
) -> SpanFacts<'a> {
    let mut list = Attributes(Vec::with_capacity(32));
    let operation = record.operation.map_or("unknown", operation_name);
    asked(record, attempt, &mut list);
    if answered {
        answer(record, &mut list);
    }
    if let Some(first) = attempt.time_to_first_event {
        list.push(attribute::TIME_TO_FIRST_CHUNK, Value::Seconds(first));
    }
    if let Some(status) = attempt.status {
        list.number(attribute::HTTP_STATUS, status);
    }
    list.text(attribute::ERROR_TYPE, attempt.trouble().unwrap_or_default());
    list.text(attribute::REASON, attempt.reason.map_or("", |r| r.as_str()));
    if let Some(usage) = &attempt.usage {
        tokens(usage, &mut list);
    }
    list.text(attribute::USAGE_SOURCE, attempt.usage_source.as_str());
    list.text(attribute::COST_STATE, attempt.cost.state());
    if let Cost::Priced(nanos) = attempt.cost {
        list.number(attribute::COST, nanos.0);
    }
    list.text(attribute::PRICE_VERSION, &*attempt.price_version);
    list.push(attribute::SENT, Value::Flag(attempt.sent));
    list.text(attribute::UPSTREAM_REQUEST_ID, attempt.upstream_request_id.as_deref().unwrap_or_default());
    list.named_by_policy(record);
    let start = record.started.checked_add(attempt.started).unwrap_or(record.started);
    let end = start.checked_add(attempt.duration).unwrap_or(start);
    SpanFacts {
        id: record.attempt_span(index),
        parent: Some(Parent { id: record.call_span(), remote: false }),
        name: format!("{operation} {}", attempt.model),
        kind: SpanKind::Client,
        start,
        duration: attempt.duration,
        failed: attempt.class.is_some(),
        attributes: list.0,
        // What the model asked for is known when all of it has come.
        events: if answered { tool_events(record, Tool::Call, end) } else { Vec::new() },
    }
}

fn asked<'a>(record: &'a CallRecord, attempt: &'a AttemptRecord, list: &mut Attributes<'a>) {
    list.text(attribute::OPERATION_NAME, record.operation.map_or("unknown", operation_name));
    list.text(attribute::PROVIDER_NAME, provider_name(attempt.dialect));
    list.text(attribute::REQUEST_MODEL, &*attempt.model);
    if record.operation.is_some_and(Operation::generates) {
        list.push(attribute::REQUEST_STREAM, Value::Flag(record.streaming.is_streamed()));
    }
    list.text(attribute::CONVERSATION, record.detail.as_ref().map_or("", |d| &d.conversation));
    list.text(attribute::SERVER_ADDRESS, &*attempt.host);
    list.number(attribute::SERVER_PORT, attempt.port);
    list.text(attribute::PROVIDER, &*attempt.provider);
    list.text(attribute::CREDENTIAL, &*attempt.credential);
}

fn answer<'a>(record: &'a CallRecord, list: &mut Attributes<'a>) {
    list.text(attribute::RESPONSE_ID, record.response_id.as_deref().unwrap_or_default());
    list.text(attribute::RESPONSE_MODEL, record.response_model.as_deref().unwrap_or_default());
    list.texts(attribute::FINISH_REASONS, record.finish_reason.iter().map(|r| (&**r).into()).collect());
    if let Some(content) = record.detail.as_ref().and_then(|d| d.content.as_ref()) {
        list.text(attribute::SYSTEM_INSTRUCTIONS, &*content.instructions);
        list.text(attribute::INPUT_MESSAGES, &*content.input);
        list.text(attribute::OUTPUT_MESSAGES, &*content.output);
    }
}

fn tokens(usage: &Usage, list: &mut Attributes<'_>) {
    list.number(attribute::INPUT_TOKENS, usage.input_total);
    list.number(attribute::OUTPUT_TOKENS, usage.output_total);
    list.some(attribute::CACHE_READ_TOKENS, usage.cache_read);
    list.some(attribute::CACHE_CREATION_TOKENS, usage.cache_write);
    list.some(attribute::CACHE_WRITE_1H_TOKENS, usage.cache_write_1h);
    list.some(attribute::REASONING_TOKENS, usage.reasoning);
    list.some(attribute::AUDIO_INPUT_TOKENS, usage.audio_input);
    list.some(attribute::AUDIO_OUTPUT_TOKENS, usage.audio_output);
}

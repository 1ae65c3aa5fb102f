//! The CLIENT span: one request to a provider, by the conventions for GenAI clients.

use sidegate_policy::{Cost, Operation, Usage};

use super::{Attributes, Kind, Parent, Span, Value, operation_name, provider_name};
use crate::names::attribute;
use crate::record::{AttemptRecord, CallRecord};

/// The span of the attempt at that place.
pub(super) fn span<'a>(record: &'a CallRecord, (index, attempt): (usize, &'a AttemptRecord)) -> Span<'a> {
    Span {
        id: record.attempt_span(index),
        parent: Some(Parent { id: record.call_span(), remote: false }),
        what: [operation(record), &attempt.model],
        kind: Kind::Client { attempt, answered: index + 1 == record.attempts.len() },
        start: record.started.checked_add(attempt.started).unwrap_or(record.started),
        duration: attempt.duration,
        failed: attempt.class.is_some(),
        record,
    }
}

fn operation(record: &CallRecord) -> &'static str {
    record.operation.map_or("unknown", operation_name)
}

/// What is known of an attempt.
pub(super) fn attributes(record: &CallRecord, (attempt, answered): (&AttemptRecord, bool), into: &mut impl Attributes) {
    asked(record, attempt, into);
    if answered {
        answer(record, into);
    }
    if let Some(first) = attempt.time_to_first_event {
        into.put(attribute::TIME_TO_FIRST_CHUNK, Value::Seconds(first));
    }
    if let Some(status) = attempt.status {
        into.number(attribute::HTTP_STATUS, status);
    }
    into.text(attribute::ERROR_TYPE, attempt.trouble().unwrap_or_default());
    into.text(attribute::REASON, attempt.reason.map_or("", |reason| reason.as_str()));
    if let Some(usage) = &attempt.usage {
        tokens(usage, into);
    }
    into.text(attribute::USAGE_SOURCE, attempt.usage_source.as_str());
    into.text(attribute::COST_STATE, attempt.cost.state());
    if let Cost::Priced(nanos) = attempt.cost {
        into.number(attribute::COST, nanos.0);
    }
    into.text(attribute::PRICE_VERSION, &attempt.price_version);
    into.put(attribute::SENT, Value::Flag(attempt.sent));
    into.text(attribute::UPSTREAM_REQUEST_ID, attempt.upstream_request_id.as_deref().unwrap_or_default());
}

fn asked(record: &CallRecord, attempt: &AttemptRecord, into: &mut impl Attributes) {
    into.text(attribute::OPERATION_NAME, operation(record));
    into.text(attribute::PROVIDER_NAME, provider_name(attempt.dialect));
    into.text(attribute::REQUEST_MODEL, &attempt.model);
    if record.operation.is_some_and(Operation::generates) {
        into.put(attribute::REQUEST_STREAM, Value::Flag(record.streaming.is_streamed()));
    }
    into.text(attribute::CONVERSATION, record.detail.as_ref().map_or("", |d| &d.conversation));
    into.text(attribute::SERVER_ADDRESS, &attempt.host);
    into.number(attribute::SERVER_PORT, attempt.port);
    into.text(attribute::PROVIDER, &attempt.provider);
    into.text(attribute::CREDENTIAL, &attempt.credential);
}

fn answer(record: &CallRecord, into: &mut impl Attributes) {
    into.text(attribute::RESPONSE_ID, record.response_id.as_deref().unwrap_or_default());
    into.text(attribute::RESPONSE_MODEL, record.response_model.as_deref().unwrap_or_default());
    if let Some(reason) = &record.finish_reason {
        into.texts(attribute::FINISH_REASONS, &[(&**reason).into()]);
    }
    if let Some(content) = record.detail.as_ref().and_then(|d| d.content.as_ref()) {
        into.content(attribute::SYSTEM_INSTRUCTIONS, &content.instructions);
        into.content(attribute::INPUT_MESSAGES, &content.input);
        into.content(attribute::OUTPUT_MESSAGES, &content.output);
    }
}

fn tokens(usage: &Usage, into: &mut impl Attributes) {
    into.number(attribute::INPUT_TOKENS, usage.input_total);
    into.number(attribute::OUTPUT_TOKENS, usage.output_total);
    into.some(attribute::CACHE_READ_TOKENS, usage.cache_read);
    into.some(attribute::CACHE_CREATION_TOKENS, usage.cache_write);
    into.some(attribute::CACHE_WRITE_1H_TOKENS, usage.cache_write_1h);
    into.some(attribute::REASONING_TOKENS, usage.reasoning);
    into.some(attribute::AUDIO_INPUT_TOKENS, usage.audio_input);
    into.some(attribute::AUDIO_OUTPUT_TOKENS, usage.audio_output);
}

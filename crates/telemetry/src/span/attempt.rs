//! The CLIENT span: one request to a provider, by the conventions for GenAI clients.

use sidegate_policy::{Cost, Operation, Usage};

use super::{Attributes, Of, Parent, Span, SpanKind, Value, operation_name, provider_name};
use crate::names::attribute;
use crate::record::{AttemptRecord, CallRecord};

/// The span of the attempt at that place; none if there is no such attempt.
pub(super) fn span(record: &CallRecord, index: usize) -> Option<Span<'_>> {
    let attempt = record.attempts.get(index)?;
    Some(Span {
        id: record.attempt_span(index),
        parent: Some(Parent { id: record.call_span(), remote: false }),
        name: [operation(record), &attempt.model],
        kind: SpanKind::Client,
        start: record.started.checked_add(attempt.started).unwrap_or(record.started),
        duration: attempt.duration,
        failed: attempt.class.is_some(),
        record,
        of: Of::Attempt { attempt, answered: index + 1 == record.attempts.len() },
    })
}

fn operation(record: &CallRecord) -> &'static str {
    record.operation.map_or("unknown", operation_name)
}

/// What is known of an attempt.
pub(super) fn attributes(record: &CallRecord, attempt: &AttemptRecord, answered: bool, told: &mut impl Attributes) {
    asked(record, attempt, told);
    if answered {
        answer(record, told);
    }
    if let Some(first) = attempt.time_to_first_event {
        told.put(attribute::TIME_TO_FIRST_CHUNK, Value::Seconds(first));
    }
    if let Some(status) = attempt.status {
        told.number(attribute::HTTP_STATUS, status);
    }
    told.text(attribute::ERROR_TYPE, attempt.trouble().unwrap_or_default());
    told.text(attribute::REASON, attempt.reason.map_or("", |reason| reason.as_str()));
    if let Some(usage) = &attempt.usage {
        tokens(usage, told);
    }
    told.text(attribute::USAGE_SOURCE, attempt.usage_source.as_str());
    told.text(attribute::COST_STATE, attempt.cost.state());
    if let Cost::Priced(nanos) = attempt.cost {
        told.number(attribute::COST, nanos.0);
    }
    told.text(attribute::PRICE_VERSION, &attempt.price_version);
    told.put(attribute::SENT, Value::Flag(attempt.sent));
    told.text(attribute::UPSTREAM_REQUEST_ID, attempt.upstream_request_id.as_deref().unwrap_or_default());
}

fn asked(record: &CallRecord, attempt: &AttemptRecord, told: &mut impl Attributes) {
    told.text(attribute::OPERATION_NAME, operation(record));
    told.text(attribute::PROVIDER_NAME, provider_name(attempt.dialect));
    told.text(attribute::REQUEST_MODEL, &attempt.model);
    if record.operation.is_some_and(Operation::generates) {
        told.put(attribute::REQUEST_STREAM, Value::Flag(record.streaming.is_streamed()));
    }
    told.text(attribute::CONVERSATION, record.detail.as_ref().map_or("", |d| &d.conversation));
    told.text(attribute::SERVER_ADDRESS, &attempt.host);
    told.number(attribute::SERVER_PORT, attempt.port);
    told.text(attribute::PROVIDER, &attempt.provider);
    told.text(attribute::CREDENTIAL, &attempt.credential);
}

fn answer(record: &CallRecord, told: &mut impl Attributes) {
    told.text(attribute::RESPONSE_ID, record.response_id.as_deref().unwrap_or_default());
    told.text(attribute::RESPONSE_MODEL, record.response_model.as_deref().unwrap_or_default());
    if let Some(reason) = &record.finish_reason {
        told.texts(attribute::FINISH_REASONS, &[(&**reason).into()]);
    }
    if let Some(content) = record.detail.as_ref().and_then(|d| d.content.as_ref()) {
        told.content(attribute::SYSTEM_INSTRUCTIONS, &content.instructions);
        told.content(attribute::INPUT_MESSAGES, &content.input);
        told.content(attribute::OUTPUT_MESSAGES, &content.output);
    }
}

fn tokens(usage: &Usage, told: &mut impl Attributes) {
    told.number(attribute::INPUT_TOKENS, usage.input_total);
    told.number(attribute::OUTPUT_TOKENS, usage.output_total);
    told.some(attribute::CACHE_READ_TOKENS, usage.cache_read);
    told.some(attribute::CACHE_CREATION_TOKENS, usage.cache_write);
    told.some(attribute::CACHE_WRITE_1H_TOKENS, usage.cache_write_1h);
    told.some(attribute::REASONING_TOKENS, usage.reasoning);
    told.some(attribute::AUDIO_INPUT_TOKENS, usage.audio_input);
    told.some(attribute::AUDIO_OUTPUT_TOKENS, usage.audio_output);
}

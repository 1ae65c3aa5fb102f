//! What metrics and labels are called in OTLP: the conventions' as they are spelt there, ours as everywhere.

use super::{attribute, label, metric};

/// The conventions' metrics: as a scraper reads them, as OTLP has them, and their unit.
pub const METRICS: [(&str, &str, &str); 4] = [
    (metric::TOKEN_USAGE, "gen_ai.client.token.usage", "{token}"),
    (metric::OPERATION_DURATION, "gen_ai.client.operation.duration", "s"),
    (metric::TIME_TO_FIRST_CHUNK, "gen_ai.client.operation.time_to_first_chunk", "s"),
    (metric::TIME_PER_OUTPUT_TOKEN, "gen_ai.server.time_per_output_token", "s"),
];

/// Labels that are attributes elsewhere.
pub const ATTRIBUTES: [(&str, &str); 10] = [
    (label::OPERATION, attribute::OPERATION_NAME),
    (label::PROVIDER_NAME, attribute::PROVIDER_NAME),
    (label::REQUEST_MODEL, attribute::REQUEST_MODEL),
    (label::TOKEN_TYPE, "gen_ai.token.type"),
    (label::ERROR_TYPE, attribute::ERROR_TYPE),
    (label::PROVIDER, attribute::PROVIDER),
    (label::CALLER_NAMESPACE, attribute::CALLER_NAMESPACE),
    (label::CALLER_WORKLOAD, attribute::CALLER_WORKLOAD),
    (label::CALLER_SERVICE_ACCOUNT, attribute::CALLER_SERVICE_ACCOUNT),
    (label::CALLER_POD, attribute::CALLER_POD),
];

//! Every name that is emitted: metrics, labels, attributes of spans, fields of the audit line.
//!
//! What begins with `gen_ai`, `server`, `error` or `http` is from the OpenTelemetry semantic conventions
//! v1.41.1, the last version whose text is frozen in one place (they are still in development, and later
//! ones move the token histogram). The list that the tests hold these names against is
//! `names/conventions-1.41.txt`. The rest is ours and begins with `sidegate`.

pub mod control;
pub mod otlp;
#[cfg(test)]
mod tests;

/// Version of the audit line's schema: raised when a field changes its meaning or goes away.
pub const AUDIT_SCHEMA: u64 = 1;

/// Version of the semantic conventions that the names are from.
pub const CONVENTIONS: &str = "1.41.1";

/// Names of metrics, as they stand in the text exposition without `_total`, `_bucket`, `_sum` and `_count`.
pub mod metric {
    /// Histogram: tokens by type.
    pub const TOKEN_USAGE: &str = "gen_ai_client_token_usage";
    /// Histogram, seconds: each attempt.
    pub const OPERATION_DURATION: &str = "gen_ai_client_operation_duration_seconds";
    /// Histogram, seconds: each streamed attempt.
    pub const TIME_TO_FIRST_CHUNK: &str = "gen_ai_client_operation_time_to_first_chunk_seconds";
    /// Histogram, seconds: between the first and the last token of each streamed attempt, for each token.
    pub const TIME_PER_OUTPUT_TOKEN: &str = "gen_ai_server_time_per_output_token_seconds";
    /// Counter: tokens by what they are billed as.
    pub const TOKENS: &str = "sidegate_tokens";
    /// Counter: calls by outcome and class.
    pub const CALLS: &str = "sidegate_calls";
    /// Histogram, seconds: each call, with everything that it waited for.
    pub const CALL_DURATION: &str = "sidegate_call_duration_seconds";
    /// Gauge: calls that are not settled.
    pub const OPEN_CALLS: &str = "sidegate_open_calls";
    /// Gauge: streams that have begun and not ended.
    pub const OPEN_STREAMS: &str = "sidegate_open_streams";
    /// Counter: attempts by provider and class.
    pub const ATTEMPTS: &str = "sidegate_attempts";
    /// Counter: attempts at the place that just failed.
    pub const RETRIES: &str = "sidegate_retries";
    /// Counter: attempts at another place than the one that just failed.
    pub const FALLBACKS: &str = "sidegate_fallbacks";
    /// Counter: refusals by class and rule.
    pub const REFUSALS: &str = "sidegate_refusals";
    /// Counter: nano-dollars by provider and model.
    pub const COST: &str = "sidegate_cost_nanodollars";
    /// Counter: attempts by whether their cost is known.
    pub const COST_STATES: &str = "sidegate_cost_states";
    /// Counter: usage that does not add up.
    pub const ANOMALIES: &str = "sidegate_usage_anomalies";
    /// Counter: what objects in dry run would have done.
    pub const DRY_RUN: &str = "sidegate_dry_run";
    /// Counter: request headers that were not sent on.
    pub const STRIPPED_HEADERS: &str = "sidegate_stripped_headers";
    /// Counter: audit lines that found no room.
    pub const AUDIT_DROPPED: &str = "sidegate_audit_dropped";
    /// Counter: spans that the tracing back-end took.
    pub const SPANS_EXPORTED: &str = "sidegate_spans_exported";
    /// Counter: spans that are lost, by reason.
    pub const SPANS_DROPPED: &str = "sidegate_spans_dropped";
    /// Gauge, always 1: the versions in force, as labels.
    pub const POLICY_INFO: &str = "sidegate_policy_info";
    /// Gauge: when the policy in force was taken over, seconds since 1970.
    pub const POLICY_APPLIED: &str = "sidegate_policy_applied_timestamp_seconds";
    /// Counter: policies and credentials that were refused.
    pub const POLICY_REFUSED: &str = "sidegate_policy_refused";
    /// Gauge: 1 while the control stream is up.
    pub const CONTROL_STREAM_UP: &str = "sidegate_control_stream_up";
    /// Counter: how often the control stream came up.
    pub const CONTROL_STREAM_CONNECTS: &str = "sidegate_control_stream_connects";
    /// Gauge: circuits that are out, by provider.
    pub const CIRCUITS_OUT: &str = "sidegate_circuits_out";
    /// Counter: connections given up because a request's head came too slowly.
    pub const SLOW_HEADS: &str = "sidegate_slow_heads";
    /// Counter: panics that were caught.
    pub const PANICS: &str = "sidegate_panics";
    /// Gauge, always 1: who the sidecar speaks for, as labels.
    pub const CALLER_INFO: &str = "sidegate_caller_info";
    /// Gauge, always 1: the version of the program, as a label.
    pub const BUILD_INFO: &str = "sidegate_build_info";

    /// All of them.
    pub const ALL: [&str; 31] = [
        TOKEN_USAGE,
        OPERATION_DURATION,
        TIME_TO_FIRST_CHUNK,
        TIME_PER_OUTPUT_TOKEN,
        TOKENS,
        CALLS,
        CALL_DURATION,
        OPEN_CALLS,
        OPEN_STREAMS,
        ATTEMPTS,
        RETRIES,
        FALLBACKS,
        REFUSALS,
        COST,
        COST_STATES,
        ANOMALIES,
        DRY_RUN,
        STRIPPED_HEADERS,
        AUDIT_DROPPED,
        SPANS_EXPORTED,
        SPANS_DROPPED,
        POLICY_INFO,
        POLICY_APPLIED,
        POLICY_REFUSED,
        CONTROL_STREAM_UP,
        CONTROL_STREAM_CONNECTS,
        CIRCUITS_OUT,
        SLOW_HEADS,
        PANICS,
        CALLER_INFO,
        BUILD_INFO,
    ];
}

/// Names of labels.
pub mod label {
    /// What the call does, in the conventions' words.
    pub const OPERATION: &str = "gen_ai_operation_name";
    /// The provider's system, in the conventions' words.
    pub const PROVIDER_NAME: &str = "gen_ai_provider_name";
    /// The model that the provider was asked for.
    pub const REQUEST_MODEL: &str = "gen_ai_request_model";
    /// `input` or `output`.
    pub const TOKEN_TYPE: &str = "gen_ai_token_type";
    /// The class of a failure; empty for a success.
    pub const ERROR_TYPE: &str = "error_type";
    /// `namespace/name` of the provider.
    pub const PROVIDER: &str = "sidegate_provider";
    /// Namespace of the caller.
    pub const CALLER_NAMESPACE: &str = "sidegate_caller_namespace";
    /// What the caller's pod is part of.
    pub const CALLER_WORKLOAD: &str = "sidegate_caller_workload";
    /// ServiceAccount of the caller.
    pub const CALLER_SERVICE_ACCOUNT: &str = "sidegate_caller_service_account";
    /// The caller's pod.
    pub const CALLER_POD: &str = "sidegate_caller_pod";
    /// What tokens are billed as.
    pub const TOKEN_CLASS: &str = "token_class";
    /// The caller's dialect.
    pub const DIALECT: &str = "dialect";
    /// How a call ended.
    pub const OUTCOME: &str = "outcome";
    /// The class of a failure.
    pub const CLASS: &str = "class";
    /// The object that decided, as `AIPolicy/namespace/name`.
    pub const RULE: &str = "rule";
    /// `priced`, `free` or `unknown`.
    pub const COST: &str = "cost";
    /// What does not add up.
    pub const ANOMALY: &str = "anomaly";
    /// What a dry run would have done.
    pub const RESULT: &str = "result";
    /// Name of a header.
    pub const HEADER: &str = "header";
    /// Why something is lost.
    pub const REASON: &str = "reason";
    /// A version.
    pub const VERSION: &str = "version";
    /// Version of the price list.
    pub const PRICE_VERSION: &str = "price_version";
    /// The value of any label beyond the bound.
    pub const OTHER: &str = "other";
}

/// Attributes of spans.
pub mod attribute {
    /// What the call does.
    pub const OPERATION_NAME: &str = "gen_ai.operation.name";
    /// The provider's system.
    pub const PROVIDER_NAME: &str = "gen_ai.provider.name";
    /// The model that the provider was asked for.
    pub const REQUEST_MODEL: &str = "gen_ai.request.model";
    /// The answer is streamed.
    pub const REQUEST_STREAM: &str = "gen_ai.request.stream";
    /// The provider's id of the answer.
    pub const RESPONSE_ID: &str = "gen_ai.response.id";
    /// The model that answered.
    pub const RESPONSE_MODEL: &str = "gen_ai.response.model";
    /// Why the answer ended.
    pub const FINISH_REASONS: &str = "gen_ai.response.finish_reasons";
    /// Seconds.
    pub const TIME_TO_FIRST_CHUNK: &str = "gen_ai.response.time_to_first_chunk";
    /// All prompt tokens, cached ones among them.
    pub const INPUT_TOKENS: &str = "gen_ai.usage.input_tokens";
    /// All generated tokens, reasoning among them.
    pub const OUTPUT_TOKENS: &str = "gen_ai.usage.output_tokens";
    /// Prompt tokens read from a cache.
    pub const CACHE_READ_TOKENS: &str = "gen_ai.usage.cache_read.input_tokens";
    /// Prompt tokens written to a cache.
    pub const CACHE_CREATION_TOKENS: &str = "gen_ai.usage.cache_creation.input_tokens";
    /// Generated tokens that the caller never sees.
    pub const REASONING_TOKENS: &str = "gen_ai.usage.reasoning.output_tokens";
    /// The class of a failure, or a status.
    pub const ERROR_TYPE: &str = "error.type";
    /// Host of the provider's endpoint.
    pub const SERVER_ADDRESS: &str = "server.address";
    /// Port of the provider's endpoint.
    pub const SERVER_PORT: &str = "server.port";
    /// Method of the call.
    pub const HTTP_METHOD: &str = "http.request.method";
    /// Status of the answer.
    pub const HTTP_STATUS: &str = "http.response.status_code";
    /// Our id of the call.
    pub const REQUEST_ID: &str = "sidegate.request_id";
    /// How the call ended.
    pub const OUTCOME: &str = "sidegate.outcome";
    /// Why exactly it failed.
    pub const REASON: &str = "sidegate.reason";
    /// The rule that refused.
    pub const REFUSED_BY: &str = "sidegate.refused_by";
    /// The caller's dialect.
    pub const DIALECT: &str = "sidegate.dialect";
    /// The model that the caller asked for. Not the conventions' name: back-ends take each span with one of those for
    /// a call of a model, and that is what the attempts are.
    pub const ASKED_MODEL: &str = "sidegate.model";
    /// Namespace of the caller.
    pub const CALLER_NAMESPACE: &str = "sidegate.caller.namespace";
    /// ServiceAccount of the caller.
    pub const CALLER_SERVICE_ACCOUNT: &str = "sidegate.caller.service_account";
    /// What the caller's pod is part of.
    pub const CALLER_WORKLOAD: &str = "sidegate.caller.workload";
    /// The caller's pod.
    pub const CALLER_POD: &str = "sidegate.caller.pod";
    /// Version of the policy in force.
    pub const POLICY_VERSION: &str = "sidegate.policy.version";
    /// The rule that the call went by.
    pub const RULE: &str = "sidegate.rule";
    /// `metadata.generation` of its object.
    pub const RULE_GENERATION: &str = "sidegate.rule_generation";
    /// Name of the route.
    pub const ROUTE: &str = "sidegate.route";
    /// The conversation stays where it began.
    pub const PINNED: &str = "sidegate.pinned";
    /// Routes that did not win, and why.
    pub const LOST: &str = "sidegate.lost";
    /// Targets that could not be used, and why.
    pub const LEFT_OUT: &str = "sidegate.left_out";
    /// What objects in dry run would have done.
    pub const DRY_RUN: &str = "sidegate.dry_run";
    /// Limits in dry run that would have refused.
    pub const LIMITS_WOULD_REFUSE: &str = "sidegate.limits_would_refuse";
    /// How many attempts there were.
    pub const ATTEMPTS: &str = "sidegate.attempts";
    /// Upper bound on prompt tokens.
    pub const ESTIMATE_INPUT: &str = "sidegate.estimate.input_tokens";
    /// Upper bound on generated tokens.
    pub const ESTIMATE_OUTPUT: &str = "sidegate.estimate.output_tokens";
    /// Where the usage comes from.
    pub const USAGE_SOURCE: &str = "sidegate.usage.source";
    /// Prompt tokens written to a cache for an hour.
    pub const CACHE_WRITE_1H_TOKENS: &str = "sidegate.usage.cache_write_1h_tokens";
    /// Prompt tokens that are audio.
    pub const AUDIO_INPUT_TOKENS: &str = "sidegate.usage.audio_input_tokens";
    /// Generated tokens that are audio.
    pub const AUDIO_OUTPUT_TOKENS: &str = "sidegate.usage.audio_output_tokens";
    /// Nano-dollars.
    pub const COST: &str = "sidegate.cost.nanodollars";
    /// `priced`, `free` or `unknown`.
    pub const COST_STATE: &str = "sidegate.cost.state";
    /// Version of the price list.
    pub const PRICE_VERSION: &str = "sidegate.price.version";
    /// What does not add up.
    pub const ANOMALIES: &str = "sidegate.anomalies";
    /// `namespace/name` of the provider.
    pub const PROVIDER: &str = "sidegate.provider";
    /// Name of the credential.
    pub const CREDENTIAL: &str = "sidegate.credential";
    /// Some of the request may have reached the provider.
    pub const SENT: &str = "sidegate.sent";
    /// The provider's id of the request.
    pub const UPSTREAM_REQUEST_ID: &str = "sidegate.upstream_request_id";
    /// Bytes of the request body.
    pub const BYTES_IN: &str = "sidegate.bytes_in";
    /// Bytes of the answer's body.
    pub const BYTES_OUT: &str = "sidegate.bytes_out";
    /// The conversation that the call says it belongs to.
    pub const CONVERSATION: &str = "gen_ai.conversation.id";
    /// Name of a tool.
    pub const TOOL_NAME: &str = "gen_ai.tool.name";
    /// What ties a tool's result to its call.
    pub const TOOL_CALL_ID: &str = "gen_ai.tool.call.id";
    /// What the model was told beside the conversation, as JSON; only where policy captures content.
    pub const SYSTEM_INSTRUCTIONS: &str = "gen_ai.system_instructions";
    /// The conversation, as JSON; only where policy captures content.
    pub const INPUT_MESSAGES: &str = "gen_ai.input.messages";
    /// The answer, as JSON; only where policy captures content.
    pub const OUTPUT_MESSAGES: &str = "gen_ai.output.messages";
    /// Before the names of what policy wants told.
    pub const OF_POLICY: &str = "sidegate.attribute.";
}

/// Attributes of the resource that all spans are of: the program and its pod.
pub mod resource {
    /// Name of the service: `sidegate-proxy` or `sidegate-controller` where nobody says otherwise.
    pub const SERVICE_NAME: &str = "service.name";
    /// Version of the program.
    pub const SERVICE_VERSION: &str = "service.version";
    /// Namespace of the pod.
    pub const NAMESPACE: &str = "k8s.namespace.name";
    /// Name of the pod.
    pub const POD: &str = "k8s.pod.name";
    /// What the pod is part of, where it is a Deployment.
    pub const DEPLOYMENT: &str = "k8s.deployment.name";
    /// What the pod is part of, where it is a StatefulSet.
    pub const STATEFUL_SET: &str = "k8s.statefulset.name";
    /// What the pod is part of, where it is a DaemonSet.
    pub const DAEMON_SET: &str = "k8s.daemonset.name";
    /// What the pod is part of, where it is a Job.
    pub const JOB: &str = "k8s.job.name";
    /// What the pod is part of, where it is a CronJob.
    pub const CRON_JOB: &str = "k8s.cronjob.name";
}

/// Names of events within spans.
pub mod event {
    /// The model asks for a tool.
    pub const TOOL_CALL: &str = "sidegate.tool_call";
    /// What a tool gave came back from the application.
    pub const TOOL_RESULT: &str = "sidegate.tool_result";
}

/// Fields of the audit line of a call. Those of its nested objects are among them; `docs/audit.md` describes each.
pub mod audit {
    /// Version of this schema.
    pub const SCHEMA: &str = "schema";
    /// When the call began.
    pub const TIME: &str = "time";
    /// Our id of the call.
    pub const REQUEST_ID: &str = "request_id";
    /// Namespace of the caller.
    pub const NAMESPACE: &str = "namespace";
    /// ServiceAccount of the caller.
    pub const SERVICE_ACCOUNT: &str = "service_account";
    /// What the caller's pod is part of.
    pub const WORKLOAD: &str = "workload";
    /// The caller's pod.
    pub const POD: &str = "pod";
    /// The caller's dialect.
    pub const DIALECT: &str = "dialect";
    /// What the call does.
    pub const OPERATION: &str = "operation";
    /// The model: asked for by the caller, or by us in an attempt.
    pub const MODEL: &str = "model";
    /// The answer is streamed.
    pub const STREAM: &str = "stream";
    /// How the call ended.
    pub const OUTCOME: &str = "outcome";
    /// Status of the provider's answer.
    pub const STATUS: &str = "status";
    /// The class of a failure.
    pub const CLASS: &str = "class";
    /// Why exactly.
    pub const REASON: &str = "reason";
    /// The rule that refused.
    pub const REFUSED_BY: &str = "refused_by";
    /// `metadata.generation` of its object.
    pub const REFUSED_BY_GENERATION: &str = "refused_by_generation";
    /// Version of the policy in force.
    pub const POLICY_VERSION: &str = "policy_version";
    /// The rule that decided.
    pub const RULE: &str = "rule";
    /// `metadata.generation` of its object.
    pub const GENERATION: &str = "generation";
    /// The conversation stays where it began.
    pub const PINNED: &str = "pinned";
    /// Routes that did not win.
    pub const LOST: &str = "lost";
    /// Targets that could not be used.
    pub const LEFT_OUT: &str = "left_out";
    /// Why a route lost or a target was left out.
    pub const WHY: &str = "why";
    /// What objects in dry run would have done.
    pub const DRY_RUN: &str = "dry_run";
    /// `same`, `refused` or `routed`.
    pub const RESULT: &str = "result";
    /// Limits in dry run that would have refused.
    pub const LIMITS_WOULD_REFUSE: &str = "limits_would_refuse";
    /// Upper bound on prompt tokens.
    pub const INPUT_BOUND: &str = "input_bound";
    /// Upper bound on generated tokens.
    pub const OUTPUT_BOUND: &str = "output_bound";
    /// `namespace/name` of the provider.
    pub const PROVIDER: &str = "provider";
    /// Name of the credential.
    pub const CREDENTIAL: &str = "credential";
    /// The model that answered.
    pub const RESPONSE_MODEL: &str = "response_model";
    /// The provider's id of the answer.
    pub const RESPONSE_ID: &str = "response_id";
    /// Why the answer ended.
    pub const FINISH_REASON: &str = "finish_reason";
    /// All prompt tokens.
    pub const INPUT_TOKENS: &str = "input_tokens";
    /// All generated tokens.
    pub const OUTPUT_TOKENS: &str = "output_tokens";
    /// Prompt tokens read from a cache.
    pub const CACHE_READ_TOKENS: &str = "cache_read_tokens";
    /// Prompt tokens written to a cache.
    pub const CACHE_WRITE_TOKENS: &str = "cache_write_tokens";
    /// Of these, the ones kept for an hour.
    pub const CACHE_WRITE_1H_TOKENS: &str = "cache_write_1h_tokens";
    /// Prompt tokens that are audio.
    pub const AUDIO_INPUT_TOKENS: &str = "audio_input_tokens";
    /// Generated tokens that are audio.
    pub const AUDIO_OUTPUT_TOKENS: &str = "audio_output_tokens";
    /// Generated tokens that the caller never sees.
    pub const REASONING_TOKENS: &str = "reasoning_tokens";
    /// Where the usage comes from.
    pub const USAGE_SOURCE: &str = "usage_source";
    /// `priced`, `free` or `unknown`.
    pub const COST: &str = "cost";
    /// Nano-dollars.
    pub const COST_NANODOLLARS: &str = "cost_nanodollars";
    /// Version of the price list.
    pub const PRICE_VERSION: &str = "price_version";
    /// What does not add up.
    pub const ANOMALIES: &str = "anomalies";
    /// Every request to a provider.
    pub const ATTEMPTS: &str = "attempts";
    /// Some of the request may have reached the provider.
    pub const SENT: &str = "sent";
    /// The provider's id of the request.
    pub const UPSTREAM_REQUEST_ID: &str = "upstream_request_id";
    /// Microseconds from the start of the call to the start of the attempt.
    pub const START_US: &str = "start_us";
    /// Microseconds to the first meaningful event.
    pub const FIRST_EVENT_US: &str = "first_event_us";
    /// Microseconds.
    pub const DURATION_US: &str = "duration_us";
    /// Bytes of the request body.
    pub const BYTES_IN: &str = "bytes_in";
    /// Bytes of the answer's body.
    pub const BYTES_OUT: &str = "bytes_out";
    /// The trace that it is in.
    pub const TRACE_ID: &str = "trace_id";
    /// The caller's span.
    pub const SPAN_ID: &str = "span_id";
    /// Its spans go to the tracing back-end.
    pub const SAMPLED: &str = "sampled";
    /// What policy wants to be told beside, by name.
    pub const ATTRIBUTES: &str = "attributes";
}

/// Fields of the audit line of a change of an object, beside `schema`, `time`, `namespace` and `generation`.
pub mod change {
    /// What happened.
    pub const CHANGE: &str = "change";
    /// Kind of the object.
    pub const KIND: &str = "kind";
    /// Name of the object.
    pub const NAME: &str = "name";
    /// `metadata.uid`.
    pub const UID: &str = "uid";
    /// The generation in force.
    pub const IN_FORCE: &str = "in_force";
    /// The field manager that wrote.
    pub const MANAGER: &str = "manager";
    /// How it wrote.
    pub const MANAGER_OPERATION: &str = "manager_operation";
    /// When it wrote.
    pub const WRITTEN_AT: &str = "written_at";
    /// Paths of what differs.
    pub const FIELDS: &str = "fields";
    /// How many more paths there are.
    pub const MORE_FIELDS: &str = "more_fields";
    /// Why it was refused.
    pub const REFUSALS: &str = "refusals";
    /// When it was accepted.
    pub const ACCEPTED_AT: &str = "accepted_at";
    /// Sidecars that enforce it.
    pub const SIDECARS: &str = "sidecars";
}

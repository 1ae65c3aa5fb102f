//! The fields, in the order and with the words of the documentation.

use super::Part::{Attempt, Call, Change, DryRun, LeftOut, Lost};
use super::Shape::{
    Anomalies, Changes, Classes, Dialects, Digits, Flag, Named, Number, Object, Objects, Reasons, Signed, Text, Texts,
    Time, Version, Words,
};
use super::{Field, Part, Section, Shape};
use crate::names::{audit as call, change};

/// The words of operations, in the order of the vocabulary.
pub(super) const OPERATIONS: [&str; 12] = [
    "chat_completions",
    "responses",
    "input_tokens",
    "embeddings",
    "completions",
    "messages",
    "count_tokens",
    "generate_content",
    "embed_content",
    "batch_embed_contents",
    "list_models",
    "get_model",
];

/// Why a route lost, or a target was left out.
pub(super) const WHY: [&str; 10] = [
    "outranked",
    "header_missing",
    "provider_missing",
    "not_accessible",
    "no_credential",
    "denied",
    "not_allowed",
    "other_dialect",
    "drained",
    "suspended",
];

fn field(name: &'static str, shape: Shape, text: &'static str, on: [&'static [Part]; 2]) -> Field {
    let [always, at_times] = on;
    Field { name, shape, always, at_times, text }
}

/// Of a call, wherever it has a value.
fn of_call(name: &'static str, shape: Shape, text: &'static str) -> Field {
    field(name, shape, text, [&[], &[Call]])
}

/// Of a change, wherever it has a value.
fn of_change(name: &'static str, shape: Shape, text: &'static str) -> Field {
    field(name, shape, text, [&[], &[Change]])
}

/// Of a call and of each of its attempts.
fn of_both(name: &'static str, shape: Shape, text: &'static str) -> Field {
    field(name, shape, text, [&[], &[Call, Attempt]])
}

/// All of them.
pub(super) fn sections() -> Vec<Section> {
    let section = |title, fields| Section { title, fields };
    vec![
        section("Who", who()),
        section("What was asked", asked()),
        section("How it ended", ended()),
        section("Which rule decided", decided()),
        section(
            "Who answered, and what it took",
            [served(), tokens(), cost(), attempts()].into_iter().flatten().collect(),
        ),
        section("Changes of objects", changed()),
    ]
}

fn who() -> Vec<Field> {
    vec![
        field(call::SCHEMA, Version, "version of this schema: 1", [&[Call, Change], &[]]),
        field(
            call::TIME,
            Time,
            "when the head of the request had arrived, or the control plane saw the change; RFC 3339, UTC, microseconds",
            [&[Call, Change], &[]],
        ),
        field(
            call::REQUEST_ID,
            Digits(32),
            "our id of the call, as in the header `x-sidegate-request-id`; 32 hexadecimal digits",
            [&[Call], &[]],
        ),
        field(call::NAMESPACE, Text, "namespace of the calling pod; of a change: of the object", [&[Change], &[Call]]),
        of_call(call::SERVICE_ACCOUNT, Text, "its ServiceAccount"),
        of_call(call::WORKLOAD, Text, "what it is part of, as `deployment/checkout`"),
        of_call(call::POD, Text, "its name"),
        of_call(
            call::ATTRIBUTES,
            Named,
            "what `spec.telemetry.attributes` of policies name, as the purpose of the call: texts by name, 16 at most; what comes from a header is what the application says of itself",
        ),
        of_call(
            call::TRACE_ID,
            Digits(32),
            "the trace of the call: its caller's, if that sent a `traceparent`, else its own, if it is sampled; 32 hexadecimal digits",
        ),
        of_call(call::SPAN_ID, Digits(16), "the caller's span in it, if it told one; 16 hexadecimal digits"),
        of_call(call::SAMPLED, Flag, "its spans go to the tracing back-end; only there when true"),
    ]
}

fn asked() -> Vec<Field> {
    vec![
        of_call(call::DIALECT, Dialects, "the language of the caller: `OpenAI`, `Anthropic`, `Gemini`"),
        of_call(
            call::OPERATION,
            Words(&OPERATIONS),
            "what the call does, as `chat_completions`, `messages`, `generate_content`, `embeddings`",
        ),
        field(
            call::MODEL,
            Text,
            "the model that the caller asked for; in `attempts` and `left_out`: that the provider was, or would have been, asked for",
            [&[Attempt, LeftOut], &[Call]],
        ),
        field(call::STREAM, Flag, "the answer was wanted as a stream", [&[Call], &[]]),
        of_call(call::INPUT_BOUND, Number, "upper bound on prompt tokens that limits held"),
        of_call(call::OUTPUT_BOUND, Number, "upper bound on generated tokens that limits held"),
        field(call::BYTES_IN, Number, "bytes of the request body", [&[Call], &[]]),
    ]
}

fn ended() -> Vec<Field> {
    let outcomes = Words(&["answered", "refused", "failed", "client_cancelled"]);
    vec![
        field(
            call::OUTCOME,
            outcomes,
            "`answered` (by a provider, an error of its own included, or by the sidecar for models lists), `refused` (by policy), `failed` (something broke), `client_cancelled`",
            [&[Call], &[]],
        ),
        of_both(
            call::STATUS,
            Number,
            "status that the caller got, if it got one; in `attempts`: of the provider's answer",
        ),
        field(
            call::CLASS,
            Classes,
            "what kind of failure, in the vocabulary of every message, header and metric, also of a provider's error that was passed on; in `dry_run`: of the refusal",
            [&[], &[Call, Attempt, DryRun]],
        ),
        of_both(call::REASON, Reasons, "why exactly, from a closed list"),
        of_call(call::REFUSED_BY, Text, "the rule that refused, as `AIPolicy/shop/checkout spec.limits[burst]`"),
        of_call(call::REFUSED_BY_GENERATION, Signed, "`metadata.generation` of the object of that rule"),
        field(
            call::DURATION_US,
            Number,
            "microseconds from the start to settlement; in `attempts`: of the attempt",
            [&[Call, Attempt], &[]],
        ),
        of_call(call::FIRST_EVENT_US, Number, "microseconds from the start to the first meaningful event of a stream"),
        field(call::BYTES_OUT, Number, "bytes of the body that went to the caller", [&[Call], &[]]),
    ]
}

fn decided() -> Vec<Field> {
    vec![
        of_call(call::POLICY_VERSION, Text, "version of the policy in force: the digest of its content"),
        field(
            call::RULE,
            Text,
            "the route that won, as `AIPolicy/shop/checkout spec.routes[fast]`, or `accessible` where no route names the model; in `lost`: the route that lost; in `left_out` and `dry_run`: the rule that forbids",
            [&[Lost], &[Call, LeftOut, DryRun]],
        ),
        field(
            call::GENERATION,
            Signed,
            "`metadata.generation` of the object of that route; of a change: of the object, where its kind has one",
            [&[], &[Call, Change]],
        ),
        of_call(call::PINNED, Flag, "an earlier turn of the conversation put its target first; only there when true"),
        of_call(call::LOST, Objects(Lost), "routes that name the model and did not win: `rule`, `why`"),
        of_call(
            call::LEFT_OUT,
            Objects(LeftOut),
            "targets of the winning route that could not be used: `provider`, `model`, `why`, `rule`",
        ),
        field(
            call::WHY,
            Words(&WHY),
            "for a route: `outranked`, `header_missing`; for a target: `provider_missing`, `not_accessible`, `no_credential`, `denied`, `not_allowed`, `other_dialect`, `drained`, `suspended`",
            [&[Lost, LeftOut], &[]],
        ),
        of_call(
            call::DRY_RUN,
            Object(DryRun),
            "what objects in dry run would have done: `result`, `class`, `rule`; only there when some are in force",
        ),
        field(call::RESULT, Words(&["same", "refused", "routed"]), "`same`, `refused`, `routed`", [&[DryRun], &[]]),
        of_call(call::LIMITS_WOULD_REFUSE, Texts, "limits in dry run that would have refused"),
    ]
}

fn served() -> Vec<Field> {
    vec![
        field(
            call::PROVIDER,
            Text,
            "`namespace/name` of the AIProvider that was asked last; in `attempts`: of this one",
            [&[Attempt, LeftOut], &[Call]],
        ),
        field(call::CREDENTIAL, Text, "name of its credential, never its value", [&[], &[Attempt]]),
        of_call(call::RESPONSE_MODEL, Text, "the model that answered, as the provider said"),
        of_call(call::RESPONSE_ID, Text, "the provider's id of the answer"),
        of_call(call::FINISH_REASON, Text, "why the answer ended, as the provider said"),
    ]
}

fn tokens() -> Vec<Field> {
    vec![
        of_both(call::INPUT_TOKENS, Number, "prompt tokens, cached ones among them"),
        of_both(call::OUTPUT_TOKENS, Number, "generated tokens, reasoning among them"),
        of_both(call::CACHE_READ_TOKENS, Number, "prompt tokens read from the provider's cache"),
        of_both(call::CACHE_WRITE_TOKENS, Number, "prompt tokens written to it"),
        of_both(call::CACHE_WRITE_1H_TOKENS, Number, "of these, the ones kept for an hour"),
        of_both(call::AUDIO_INPUT_TOKENS, Number, "prompt tokens that are audio"),
        of_both(call::AUDIO_OUTPUT_TOKENS, Number, "generated tokens that are audio"),
        of_both(call::REASONING_TOKENS, Number, "generated tokens that the caller never sees"),
        of_both(
            call::USAGE_SOURCE,
            Words(&["provider", "estimated"]),
            "`provider`, or `estimated` when an answer was cut or told nothing",
        ),
    ]
}

fn cost() -> Vec<Field> {
    vec![
        field(
            call::COST,
            Words(&["priced", "free", "unknown"]),
            "`priced`, `free` (the price is nothing), `unknown` (no price or no usage); a sum with an unknown part is unknown",
            [&[Attempt], &[Call]],
        ),
        of_both(call::COST_NANODOLLARS, Signed, "nano-dollars (10⁻⁹ USD), when priced"),
        of_call(call::PRICE_VERSION, Text, "version of the price list"),
        of_call(
            call::ANOMALIES,
            Anomalies,
            "what does not add up: `usage_missing`, `usage_unreadable`, `usage_above_bound`, `usage_overlaps`",
        ),
    ]
}

fn attempts() -> Vec<Field> {
    vec![
        of_call(
            call::ATTEMPTS,
            Objects(Attempt),
            "every request to a provider, in order: `provider`, `credential`, `model`, `status`, `class`, `reason`, `sent`, tokens, cost, `upstream_request_id`, `start_us`, `duration_us`",
        ),
        field(call::SENT, Flag, "some of the request may have reached the provider", [&[Attempt], &[]]),
        field(call::UPSTREAM_REQUEST_ID, Text, "the provider's id of the request", [&[], &[Attempt]]),
        field(
            call::START_US,
            Number,
            "microseconds from the start of the call to the start of the attempt",
            [&[Attempt], &[]],
        ),
    ]
}

fn changed() -> Vec<Field> {
    vec![
        field(
            change::CHANGE,
            Changes,
            "`found` (it was in force, untold, when this control plane began to tell), `created`, `changed`, `refused`, `deleted`, `programmed` (every sidecar that it selects enforces it)",
            [&[Change], &[]],
        ),
        field(
            change::KIND,
            Words(&["AIProvider", "AIPolicy", "Secret"]),
            "kind of the object: `AIProvider`, `AIPolicy`, `Secret` (one that a provider names)",
            [&[Change], &[]],
        ),
        field(change::NAME, Text, "its name", [&[Change], &[]]),
        of_change(change::UID, Text, "its `metadata.uid`; from files kind, namespace and name"),
        of_change(
            change::MANAGER,
            Text,
            "the field manager that wrote this version, as it calls itself; `file` for files; not known of a deletion, which the API server's own audit log tells",
        ),
        of_change(change::MANAGER_OPERATION, Text, "how it wrote: `Apply`, `Update`"),
        of_change(change::WRITTEN_AT, Time, "when it wrote, to the second"),
        of_change(
            change::FIELDS,
            Texts,
            "paths of what differs from the version in force before, as `spec.routes[fast]`, or `data[api-key]` of a Secret; never a value",
        ),
        of_change(change::MORE_FIELDS, Number, "how many more paths differ than the list holds"),
        of_change(change::REFUSALS, Texts, "why it was refused: field and reason, as in its status"),
        of_change(change::IN_FORCE, Signed, "after a refusal: the generation that stays in force"),
        of_change(change::ACCEPTED_AT, Time, "of what is programmed: when the control plane accepted it"),
        of_change(change::SIDECARS, Number, "of what is programmed: how many sidecars enforce it"),
    ]
}

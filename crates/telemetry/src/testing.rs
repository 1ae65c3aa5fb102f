//! Records with good defaults, so that a test shows only what matters.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use sidegate_policy::{Caller, Cost, Dialect, Meta, Nanos, ObjectKind, Operation, Streaming, Usage};

use crate::record::{
    AttemptRecord, CallRecord, Decision, Estimate, Outcome, RequestId, RuleName, TraceContext, UsageSource,
};

/// `AIPolicy/shop/checkout`, generation 7.
pub(crate) fn meta(field: &str) -> Meta {
    Meta {
        kind: ObjectKind::AiPolicy,
        namespace: "shop".into(),
        name: "checkout".into(),
        generation: 7,
        field: field.into(),
    }
}

pub(crate) fn caller() -> Arc<Caller> {
    Arc::new(Caller {
        namespace: "shop".into(),
        service_account: "checkout-sa".into(),
        workload: "deployment/checkout".into(),
        pod: "checkout-7d9f-x2x4z".into(),
        labels: BTreeMap::new(),
    })
}

/// A good attempt at `sidegate-system/openai`: 12 tokens in, 34 out, 5 cached, 0.000123 dollars.
pub(crate) fn attempt() -> AttemptRecord {
    AttemptRecord {
        provider: "sidegate-system/openai".into(),
        dialect: Dialect::OpenAi,
        credential: "a".into(),
        model: "gpt-4o-mini".into(),
        host: "api.openai.com".into(),
        port: 443,
        status: Some(200),
        class: None,
        reason: None,
        abandoned: false,
        started: Duration::from_micros(150),
        duration: Duration::from_micros(450_000),
        time_to_first_event: Some(Duration::from_micros(120_000)),
        sent: true,
        usage: Some(Usage { input_total: 12, output_total: 34, cache_read: Some(5), ..Usage::default() }),
        usage_source: UsageSource::Provider,
        cost: Cost::Priced(Nanos(123_000)),
        price_version: "2026-11-01".into(),
        upstream_request_id: Some("req_up".into()),
    }
}

/// A good streamed call for `fast`, by the route of that name, with one good attempt.
pub(crate) fn record() -> CallRecord {
    let started = "2026-11-20T10:00:00.123456789Z".parse::<Timestamp>().unwrap();
    let mut record = CallRecord::new(RequestId::new(0xab), started, caller());
    record.dialect = Some(Dialect::OpenAi);
    record.operation = Some(Operation::ChatCompletions);
    record.model = "fast".into();
    record.streaming = Streaming::Sse;
    record.policy_version = "9f8e7d".into();
    let meta = meta("spec.routes[fast]");
    let rule = RuleName::Route { name: "fast".into(), meta };
    record.decision = Some(Box::new(Decision {
        rule,
        pinned: false,
        considered: Vec::new(),
        lost: Vec::new(),
        left_out: Vec::new(),
        dry_run: None,
    }));
    record.estimate = Some(Estimate { input_tokens: 900, output_tokens: 4096 });
    record.attempts = vec![attempt()];
    record.outcome = Outcome::Answered;
    record.status = Some(200);
    record.response_model = Some("gpt-4o-mini-2024-07-18".into());
    record.response_id = Some("chatcmpl-1".into());
    record.finish_reason = Some("stop".into());
    record.time_to_first_event = Some(Duration::from_micros(120_150));
    record.duration = Duration::from_micros(451_000);
    record.bytes_in = 890;
    record.bytes_out = 12_345;
    record.trace = Some(TraceContext { trace_id: 0xa1, span_id: 0xb2, sampled: true });
    record
}

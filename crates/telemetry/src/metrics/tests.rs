//! What a scraper sees, and that nobody can make it see too much.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use sidegate_policy::{
    Caller, CircuitKey, Class, Cost, Dialect, DryRun, Endpoint, Fault, Glob, Match, Meta, Mode, ModelMatch, Nanos,
    Network, ObjectKind, Operation, Price, PriceRule, Provider, ProviderSlot, Rank, Reason, Refusal, Route, Snapshot,
    Specificity, Suspension, Suspensions, Target, Timeouts,
};

use super::Metrics;
use crate::names::{control, metric};
use crate::record::{Anomaly, CallRecord, Outcome, TraceContext};
use crate::testing::{attempt, caller, meta, record};

fn exposition(metrics: &Metrics) -> String {
    let mut out = String::new();
    metrics.encode(&mut out);
    out
}

/// Samples by name and labels.
fn samples(metrics: &Metrics) -> BTreeMap<String, f64> {
    let text = exposition(metrics);
    let lines = text.lines().filter(|l| !l.starts_with('#')).filter_map(|l| l.split(" # {").next());
    lines.map(|l| l.rsplit_once(' ').unwrap()).map(|(name, value)| (name.to_owned(), value.parse().unwrap())).collect()
}

/// The value of the only sample of that name whose labels have all these parts.
fn value(metrics: &Metrics, name: &str, labels: &[&str]) -> f64 {
    let found: Vec<f64> = samples(metrics)
        .into_iter()
        .filter(|(n, _)| n.split('{').next() == Some(name) && labels.iter().all(|l| n.contains(l)))
        .map(|(_, value)| value)
        .collect();
    assert_eq!(found.len(), 1, "{name} {labels:?}\n{}", exposition(metrics));
    found[0]
}

fn sum(metrics: &Metrics, name: &str) -> f64 {
    samples(metrics).iter().filter(|(n, _)| n.split('{').next() == Some(name)).map(|(_, value)| value).sum()
}

/// A policy that knows `fast`, `gpt-4o-mini`, `claude-x`, `listed` and `listed-2026`.
fn snapshot() -> Snapshot {
    let object =
        Meta { kind: ObjectKind::AiPolicy, namespace: "ns".into(), name: "p".into(), generation: 1, field: "".into() };
    let glob = |text: &str| Glob::parse(text).unwrap();
    let target =
        |model: &str| Target { provider: ProviderSlot::At(0), model: Some(model.into()), weight: 1, priority: 0 };
    let route = Route {
        name: "r".into(),
        matches: vec![Match { models: vec![glob("fast"), glob("unknown-*")], headers: Vec::new() }],
        targets: vec![target("gpt-4o-mini"), target("claude-x")],
        rank: Rank { platform: true, specificity: Specificity::Cluster },
        mode: Mode::Enforce,
        meta: object.clone(),
    };
    let listed = PriceRule {
        model: "listed".into(),
        matches: ModelMatch::Any(vec![
            ModelMatch::Equals("listed-2026".into()),
            ModelMatch::StartsWith("listed-x".into()),
        ]),
        context_window: None,
        price: Price::default(),
    };
    let provider = Provider {
        key: "sidegate-system/openai".into(),
        namespace: "sidegate-system".into(),
        name: "openai".into(),
        dialect: Dialect::OpenAi,
        endpoint: Endpoint { tls: true, host: "api.openai.com".into(), port: 443, path: "".into() },
        region: None,
        residency: None,
        credentials: Vec::new(),
        models: Vec::new(),
        prices: [listed].into(),
        authorities: None,
        network: Network::default(),
        timeouts: Timeouts::default(),
        meta: object,
    };
    Snapshot {
        version: "v1".into(),
        price_version: "p1".into(),
        routes: vec![route],
        providers: vec![provider],
        ..Snapshot::default()
    }
}

fn metrics() -> Metrics {
    let metrics = Metrics::new(&caller());
    metrics.policy(&snapshot(), Timestamp::from_second(1_700_000_000).unwrap());
    metrics
}

#[test]
fn a_call_is_counted_once_with_its_tokens_time_and_cost() {
    let metrics = metrics();
    metrics.observe(&record());
    let place = [
        "gen_ai_operation_name=\"chat\"",
        "gen_ai_provider_name=\"openai\"",
        "gen_ai_request_model=\"gpt-4o-mini\"",
        "sidegate_provider=\"sidegate-system/openai\"",
    ];
    let with = |more: &'static str| [&place[..], &[more]].concat();
    assert_eq!(value(&metrics, "gen_ai_client_token_usage_sum", &with("gen_ai_token_type=\"input\"")), 12.0);
    assert_eq!(value(&metrics, "gen_ai_client_token_usage_sum", &with("gen_ai_token_type=\"output\"")), 34.0);
    assert_eq!(value(&metrics, "gen_ai_client_operation_duration_seconds_sum", &place), 0.45);
    assert_eq!(value(&metrics, "gen_ai_client_operation_time_to_first_chunk_seconds_sum", &place), 0.12);
    assert_eq!(value(&metrics, "sidegate_cost_nanodollars_total", &["model=\"gpt-4o-mini\""]), 123_000.0);
    assert_eq!(
        value(&metrics, "sidegate_calls_total", &["dialect=\"OpenAI\"", "outcome=\"answered\"", "class=\"\""]),
        1.0
    );
    assert_eq!(value(&metrics, "sidegate_call_duration_seconds_sum", &["answered"]), 0.451);
    assert_eq!(value(&metrics, "sidegate_attempts_total", &["sidegate-system/openai", "class=\"\""]), 1.0);
    assert_eq!(value(&metrics, "sidegate_cost_states_total", &["priced"]), 1.0);
}

/// The exemplar of the first bucket of a histogram that has one.
fn exemplar(metrics: &Metrics, name: &str) -> Option<String> {
    let text = exposition(metrics);
    let line = text.lines().find(|l| l.starts_with(&format!("{name}_bucket")) && l.contains("trace_id"));
    line.map(|l| l.split(" # ").nth(1).unwrap().to_owned())
}

#[test]
fn a_sampled_call_leaves_its_trace_beside_its_bucket_and_no_other_does() {
    let (metrics, mut record) = (metrics(), record());
    let ids = |span: u64| format!("{{trace_id=\"{:032x}\",span_id=\"{span:016x}\"}}", 0xa1);
    (record.sampled, record.trace) = (false, record.trace.map(|trace| TraceContext { sampled: false, ..trace }));
    metrics.observe(&record);
    assert_eq!(exemplar(&metrics, "sidegate_call_duration_seconds"), None);

    record.trace = record.trace.map(|trace| TraceContext { sampled: true, ..trace });
    metrics.observe(&record);
    let callers = format!("{} 0.451 1795168800.574", ids(0xb2));
    assert_eq!(exemplar(&metrics, "sidegate_call_duration_seconds"), Some(callers), "and when the call had ended");

    record.sampled = true;
    metrics.observe(&record);
    let ours = [
        ("sidegate_call_duration_seconds", record.call_span(), "0.451"),
        ("gen_ai_client_operation_duration_seconds", record.attempt_span(0), "0.45"),
    ];
    for (name, span, value) in ours {
        assert_eq!(exemplar(&metrics, name), Some(format!("{} {value} 1795168800.574", ids(span))), "{name}");
    }
}

#[test]
fn tokens_are_told_by_what_they_are_billed_as_and_streams_by_their_pace() {
    let (metrics, record) = (metrics(), record());
    metrics.observe(&record);
    let tokens = |class: &str| value(&metrics, "sidegate_tokens_total", &[&format!("token_class=\"{class}\"")]);
    assert_eq!((tokens("input"), tokens("cache_read"), tokens("output")), (7.0, 5.0, 34.0));
    assert_eq!(sum(&metrics, "sidegate_tokens_total"), 46.0, "no class without tokens, none counted twice");
    let pace = value(&metrics, "gen_ai_server_time_per_output_token_seconds_sum", &["gpt-4o-mini"]);
    assert!((pace - 0.33 / 33.0).abs() < 1e-9, "{pace}");
}

#[test]
fn whose_calls_they_are_stands_beside_what_they_took() {
    let (metrics, record) = (metrics(), record());
    metrics.observe(&record);
    let of = ["sidegate_caller_namespace=\"shop\"", "sidegate_caller_workload=\"deployment/checkout\""];
    let cost = [&of[..], &["model=\"gpt-4o-mini\""]].concat();
    assert!(value(&metrics, "sidegate_cost_nanodollars_total", &cost) > 0.0);
    assert_eq!(value(&metrics, "sidegate_caller_info", &of), 1.0);
    let pod = ["sidegate_caller_service_account=\"checkout-sa\"", "sidegate_caller_pod=\"checkout-7d9f-x2x4z\""];
    assert_eq!(value(&metrics, "sidegate_caller_info", &pod), 1.0);
}

#[test]
fn tokens_that_nobody_reported_are_not_reported() {
    let (metrics, mut record) = (metrics(), record());
    record.attempts[0].usage = None;
    record.attempts[0].cost = Cost::Unknown;
    metrics.observe(&record);
    assert_eq!(sum(&metrics, "gen_ai_client_token_usage_count"), 0.0);
    assert_eq!(value(&metrics, "sidegate_cost_states_total", &["unknown"]), 1.0);
}

#[test]
fn a_call_that_fell_back_shows_both_attempts() {
    let (metrics, mut record) = (metrics(), record());
    let mut broken = attempt();
    (broken.class, broken.status, broken.usage) = (Some(Class::ProviderTransient), Some(503), None);
    let again = broken.clone();
    let mut elsewhere = attempt();
    elsewhere.provider = "shop/anthropic".into();
    record.attempts = vec![broken, again, elsewhere];
    metrics.observe(&record);
    assert_eq!(value(&metrics, "sidegate_retries_total", &["sidegate-system/openai"]), 1.0);
    assert_eq!(value(&metrics, "sidegate_fallbacks_total", &["shop/anthropic"]), 1.0);
    assert_eq!(value(&metrics, "sidegate_attempts_total", &["sidegate-system/openai", "provider_transient"]), 2.0);
    assert_eq!(value(&metrics, "sidegate_attempts_total", &["shop/anthropic", "class=\"\""]), 1.0);
    assert_eq!(
        value(&metrics, "gen_ai_client_operation_duration_seconds_count", &["error_type=\"provider_transient\""]),
        2.0
    );
    assert_eq!(sum(&metrics, "sidegate_calls_total"), 1.0);
}

#[test]
fn refusals_are_counted_by_class_and_object() {
    let (metrics, mut record) = (metrics(), record());
    record.attempts.clear();
    let refusal = Refusal::new(Class::RateLimited, None, "words").by(&meta("spec.limits[burst]"));
    record.outcome = Outcome::Refused(Box::new(refusal));
    metrics.observe(&record);
    let labels = ["class=\"rate_limited\"", "rule=\"AIPolicy/shop/checkout\""];
    assert_eq!(value(&metrics, "sidegate_refusals_total", &labels), 1.0);
    assert_eq!(value(&metrics, "sidegate_calls_total", &["refused", "rate_limited"]), 1.0);
}

#[test]
fn faults_cancellations_and_passed_on_errors_are_told_apart() {
    let (metrics, mut record) = (metrics(), record());
    let fault = Fault::provider(Class::Truncated, Reason::CutOff, "words");
    let quota = Outcome::PassedOn { class: Class::ProviderQuota, reason: None };
    let in_band = Outcome::PassedOn { class: Class::ProviderTransient, reason: Some(Reason::ErrorInSuccess) };
    for outcome in [Outcome::Failed(Box::new(fault)), Outcome::ClientCancelled, quota, in_band] {
        record.outcome = outcome;
        metrics.observe(&record);
    }
    for labels in [
        ["outcome=\"failed\"", "class=\"truncated\""],
        ["outcome=\"client_cancelled\"", "class=\"\""],
        ["outcome=\"answered\"", "class=\"provider_quota\""],
        ["outcome=\"answered\"", "class=\"provider_transient\""],
    ] {
        assert_eq!(value(&metrics, "sidegate_calls_total", &labels), 1.0);
    }
}

#[test]
fn a_call_that_was_not_understood_is_counted_too() {
    let (metrics, mut record) = (metrics(), record());
    (record.dialect, record.operation) = (None, None);
    record.attempts.clear();
    record.outcome = Outcome::Refused(Box::new(Refusal::new(Class::RequestInvalid, Reason::UnknownPath, "words")));
    metrics.observe(&record);
    assert_eq!(value(&metrics, "sidegate_calls_total", &["dialect=\"\"", "request_invalid"]), 1.0);
}

#[test]
fn dry_runs_and_anomalies_are_counted() {
    let (metrics, mut record) = (metrics(), record());
    let rule = Some(meta("spec.models.deny"));
    record.decision.as_mut().unwrap().dry_run = Some(DryRun::Refused { class: Class::ModelNotAllowed, rule });
    record.limits_would_refuse = vec![meta("spec.limits[burst]")];
    record.anomalies = vec![Anomaly::UsageMissing, Anomaly::UsageOverlaps];
    metrics.observe(&record);
    for result in ["refused", "limited"] {
        let labels = [format!("result=\"{result}\""), "rule=\"AIPolicy/shop/checkout\"".into()];
        assert_eq!(value(&metrics, "sidegate_dry_run_total", &[&labels[0], &labels[1]]), 1.0);
    }
    assert_eq!(value(&metrics, "sidegate_usage_anomalies_total", &["usage_missing"]), 1.0);
    assert_eq!(value(&metrics, "sidegate_usage_anomalies_total", &["usage_overlaps"]), 1.0);
}

#[test]
fn the_state_of_the_sidecar_is_told() {
    let metrics = metrics();
    metrics.open_calls(7);
    [3, 2].into_iter().for_each(|lines| metrics.audit_dropped(lines));
    metrics.panicked();
    metrics.policy_refused();
    [true, true, false, true].into_iter().for_each(|up| metrics.control_stream(up));
    for (name, expected) in [
        ("sidegate_open_calls", 7.0),
        ("sidegate_audit_dropped_total", 3.0),
        ("sidegate_panics_total", 1.0),
        ("sidegate_policy_refused_total", 1.0),
        ("sidegate_control_stream_up", 1.0),
        ("sidegate_control_stream_connects_total", 2.0),
        ("sidegate_policy_applied_timestamp_seconds", 1_700_000_000.0),
    ] {
        assert_eq!(value(&metrics, name, &[]), expected, "{name}");
    }
    assert_eq!(value(&metrics, "sidegate_policy_info", &["version=\"v1\"", "price_version=\"p1\""]), 1.0);
    assert_eq!(value(&metrics, "sidegate_build_info", &[env!("CARGO_PKG_VERSION")]), 1.0);
}

#[test]
fn money_is_told_from_nothing_on_where_a_route_leads() {
    assert_eq!(value(&metrics(), "sidegate_cost_nanodollars_total", &["model=\"claude-x\""]), 0.0);
}

#[test]
fn only_the_policy_in_force_is_told() {
    let metrics = metrics();
    let next = Snapshot { version: "v2".into(), ..snapshot() };
    metrics.policy(&next, Timestamp::from_second(1_700_000_060).unwrap());
    assert_eq!(value(&metrics, "sidegate_policy_info", &[]), 1.0);
    assert_eq!(value(&metrics, "sidegate_policy_info", &["version=\"v2\""]), 1.0);
}

#[test]
fn circuits_that_are_out_are_told_by_provider_and_gone_when_they_are_back() {
    let metrics = metrics();
    let key = |provider: &str, credential: &str| CircuitKey {
        provider: provider.into(),
        credential: credential.into(),
        model: None,
    };
    let out = Suspension { until: Duration::from_secs(9), probing: false, strikes: 1 };
    let circuits = [key("ns/a", "x"), key("ns/a", "y"), key("ns/b", "")];
    metrics.circuits(&Suspensions(circuits.into_iter().map(|k| (k, out)).collect()));
    assert_eq!(value(&metrics, "sidegate_circuits_out", &["ns/a"]), 2.0);
    assert_eq!(value(&metrics, "sidegate_circuits_out", &["ns/b"]), 1.0);
    metrics.circuits(&Suspensions(HashMap::new()));
    assert_eq!(sum(&metrics, "sidegate_circuits_out"), 0.0);
}

#[test]
fn stripped_headers_are_counted_by_known_names_only() {
    let metrics = metrics();
    for name in ["authorization", "cookie", "authorization", "x-made-up-1", "x-made-up-2"] {
        metrics.stripped(name);
    }
    let count = |name: &str| value(&metrics, "sidegate_stripped_headers_total", &[&format!("header=\"{name}\"")]);
    assert_eq!((count("authorization"), count("cookie"), count("other")), (2.0, 1.0, 2.0));
}

#[test]
fn models_that_the_policy_does_not_know_are_other() {
    let (metrics, mut record) = (metrics(), record());
    for model in ["gpt-4o-mini", "listed", "listed-2026", "listed-x1", "unknown-1", "made-up", "other"] {
        record.attempts[0].model = model.into();
        metrics.observe(&record);
    }
    let count = |model: &str| {
        value(
            &metrics,
            "gen_ai_client_operation_duration_seconds_count",
            &[&format!("gen_ai_request_model=\"{model}\"")],
        )
    };
    assert_eq!((count("gpt-4o-mini"), count("listed"), count("listed-2026"), count("other")), (1.0, 1.0, 1.0, 4.0));
}

#[test]
fn a_model_becomes_known_with_the_policy_that_names_it() {
    let (metrics, record) = (Metrics::new(&caller()), record());
    metrics.observe(&record);
    metrics.policy(&snapshot(), Timestamp::UNIX_EPOCH);
    metrics.observe(&record);
    let count = |model: &str| {
        value(&metrics, "sidegate_cost_nanodollars_total", &[&format!("gen_ai_request_model=\"{model}\"")])
    };
    assert_eq!((count("other"), count("gpt-4o-mini")), (123_000.0, 123_000.0));
}

/// A policy with more providers, models and rules than anyone has, all of them known.
fn crowded() -> Snapshot {
    let mut snapshot = snapshot();
    let names: Vec<Glob> = (0..500).map(|i| Glob::parse(&format!("model-{i}")).unwrap()).collect();
    snapshot.routes[0].matches[0].models.extend(names);
    snapshot
}

fn hostile(i: u64) -> CallRecord {
    let (pick, mut record) = (|n: u64| i.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(17) % n, record());
    let operations = [
        Operation::ChatCompletions,
        Operation::Responses,
        Operation::Embeddings,
        Operation::Completions,
        Operation::Messages,
        Operation::GenerateContent,
        Operation::CountTokens,
        Operation::GetModel,
    ];
    record.operation = Some(operations[usize::try_from(i % 8).unwrap()]);
    record.dialect = [None, Some(Dialect::OpenAi), Some(Dialect::Anthropic), Some(Dialect::Gemini)]
        [usize::try_from(pick(4)).unwrap()];
    record.model = format!("attack-{i}").into();
    record.response_model = Some(format!("attack-{i}").into());
    record.caller = Arc::new(Caller { namespace: format!("ns-{i}").into(), ..Caller::default() });
    let rule = Meta { namespace: format!("ns-{i}").into(), field: format!("spec.limits[{i}]").into(), ..meta("") };
    let class = Class::ALL[usize::try_from(pick(16)).unwrap()];
    record.outcome = match i % 4 {
        0 => Outcome::Refused(Box::new(Refusal::new(class, None, "words").by(&rule))),
        1 => Outcome::Failed(Box::new(Fault::provider(class, None, "words"))),
        2 => Outcome::ClientCancelled,
        _ => [Outcome::Answered, Outcome::PassedOn { class, reason: None }][usize::from(pick(2) == 1)].clone(),
    };
    record.limits_would_refuse = vec![rule.clone()];
    record.decision.as_mut().unwrap().dry_run = Some(DryRun::Refused { class, rule: Some(rule) });
    record.anomalies = Anomaly::ALL.to_vec();
    let mut one = attempt();
    one.provider = format!("ns/provider-{}", pick(300)).into();
    one.dialect = Dialect::ALL[usize::try_from(pick(3)).unwrap()];
    one.model = format!("model-{}", pick(1000)).into();
    let mut failed = one.clone();
    (failed.class, failed.model) = (Some(class), format!("attack-{i}").into());
    record.attempts = vec![failed.clone(), failed, one];
    record
}

/// OV9: labels from models, paths, ids, headers and objects, as many and as different as can be.
#[test]
fn ov9_no_attack_on_labels_makes_more_than_2000_series() {
    let metrics = Metrics::new(&caller());
    metrics.policy(&crowded(), Timestamp::UNIX_EPOCH);
    for i in 0..20_000 {
        metrics.observe(&hostile(i));
        metrics.stripped(&format!("x-attack-{i}"));
    }
    let out = Suspension { until: Duration::from_secs(9), probing: false, strikes: 1 };
    let key = |i| CircuitKey { provider: format!("ns/p{i}").into(), credential: "".into(), model: None };
    metrics.circuits(&Suspensions((0..5000).map(|i| (key(i), out)).collect()));
    for version in 0..100 {
        let version = format!("v{version}").into();
        metrics.policy(&Snapshot { version, ..crowded() }, Timestamp::UNIX_EPOCH);
    }
    let series = samples(&metrics).len();
    assert!(series <= 2_000, "{series} series");
    assert!(series > 1_000, "{series}: the attack reached the caps");
    assert_eq!(sum(&metrics, "sidegate_calls_total"), 20_000.0, "and nothing went uncounted");
    assert_eq!(sum(&metrics, "sidegate_attempts_total"), 60_000.0);
    assert_eq!(sum(&metrics, "gen_ai_client_operation_duration_seconds_count"), 60_000.0);
    assert_eq!(sum(&metrics, "sidegate_retries_total") + sum(&metrics, "sidegate_fallbacks_total"), 40_000.0);
}

#[test]
fn labels_cannot_break_the_exposition() {
    let (metrics, mut record) = (metrics(), record());
    record.attempts[0].provider = "ns/\"}\n# TYPE evil counter\nevil 1".into();
    metrics.observe(&record);
    assert!(!exposition(&metrics).lines().any(|l| l.starts_with("evil") || l.starts_with("# TYPE evil")));
}

#[test]
fn a_cost_beyond_what_a_counter_holds_or_below_zero_never_panics() {
    let (metrics, mut record) = (metrics(), record());
    for nanos in [i128::MIN, -1, i128::MAX] {
        record.attempts[0].cost = Cost::Priced(Nanos(nanos));
        metrics.observe(&record);
    }
    assert_eq!(sum(&metrics, "sidegate_cost_nanodollars_total"), 0.0);
}

/// Names of families, from the exposition of counters that have seen everything.
fn families(metrics: &Metrics) -> BTreeSet<String> {
    let text = exposition(metrics);
    let types = text.lines().filter_map(|l| l.strip_prefix("# TYPE "));
    types.map(|l| l.split(' ').next().unwrap().to_owned()).collect()
}

#[test]
fn every_family_has_its_name_from_the_list_and_every_name_a_family() {
    let metrics = metrics();
    (0..4).for_each(|i| metrics.observe(&hostile(i)));
    let key = CircuitKey { provider: "ns/p".into(), credential: "".into(), model: None };
    let out = Suspension { until: Duration::from_secs(9), probing: false, strikes: 1 };
    metrics.circuits(&Suspensions([(key, out)].into()));
    let expected: BTreeSet<String> = metric::ALL.iter().map(|n| (*n).to_owned()).collect();
    assert_eq!(families(&metrics), expected);
}

#[test]
fn the_documentation_names_every_metric_and_its_labels() {
    let doc = include_str!("../../../../docs/metrics.md");
    for name in metric::ALL.iter().chain(&control::metric::ALL) {
        assert!(doc.contains(&format!("| `{name}` |")), "docs/metrics.md lacks {name}");
    }
    for line in doc.lines().filter_map(|l| l.strip_prefix("| `")) {
        let named = line.split('`').next().unwrap();
        // A sum that Prometheus records, as its colons say.
        if named.contains(':') {
            continue;
        }
        assert!(
            metric::ALL.iter().chain(&control::metric::ALL).any(|name| *name == named),
            "docs/metrics.md names {named}, which does not exist"
        );
    }
    let metrics = Metrics::new(&caller());
    metrics.policy(&crowded(), Timestamp::UNIX_EPOCH);
    (0..50).for_each(|i| metrics.observe(&hostile(i)));
    metrics.stripped("cookie");
    for (sample, _) in samples(&metrics) {
        let Some((name, labels)) = sample.split_once('{') else { continue };
        let family = metric::ALL.iter().filter(|f| name.starts_with(**f)).max_by_key(|f| f.len()).unwrap();
        let row = doc.lines().find(|l| l.starts_with(&format!("| `{family}` |"))).unwrap();
        for label in labels.split(",").filter_map(|l| l.split_once("=\"")).map(|(l, _)| l).filter(|l| *l != "le") {
            assert!(row.contains(&format!("`{label}`")), "the row of {family} lacks the label {label}");
        }
    }
}

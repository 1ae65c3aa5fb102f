//! Every snapshot that can be encoded is decoded to itself, and no bytes make the decoder panic or grow.

#![expect(clippy::expect_used, reason = "what a test needs and does not get ends it")]

use std::sync::Arc;
use std::time::Duration;

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use prost::Message;
use sidegate_policy::{
    Always, Attribute, AttributeValue, Caller, Content, Credential, Dialect, Endpoint, Glob, HeaderMatch, Limit,
    LimitId, Match, Meta, Mode, ModelFacts, ModelList, ModelMatch, Nanos, Network, ObjectKind, Price, PriceRule,
    Provider, ProviderSlot, Rank, Rate, Rates, Ratio, Route, Snapshot, Specificity, Target, Telemetry, Tier, Timeouts,
    Traces, Unit,
};
use sidegate_wire::{MAX_SNAPSHOT_BYTES, Wrong, decode_caller, decode_snapshot, encode_caller, encode_snapshot, v1};

fn name() -> impl Strategy<Value = Arc<str>> {
    "[a-z][a-z0-9-]{0,8}".prop_map(Arc::from)
}

fn maybe_name() -> impl Strategy<Value = Option<Arc<str>>> {
    option::of(name())
}

fn glob() -> impl Strategy<Value = Glob> {
    "(\\*|\\*?[a-z0-9.-]{1,8}|[a-z0-9.-]{1,8}\\*)".prop_map(|g| Glob::parse(&g).expect("the pattern makes globs"))
}

fn mode() -> impl Strategy<Value = Mode> {
    prop_oneof![Just(Mode::Enforce), Just(Mode::DryRun)]
}

fn meta() -> impl Strategy<Value = Meta> {
    let kind = prop_oneof![Just(ObjectKind::AiProvider), Just(ObjectKind::AiPolicy)];
    (kind, name(), name(), any::<i64>(), name()).prop_map(|(kind, namespace, name, generation, field)| Meta {
        kind,
        namespace,
        name,
        generation,
        field,
    })
}

fn rank() -> impl Strategy<Value = Rank> {
    let specificity = prop_oneof![
        Just(Specificity::Cluster),
        Just(Specificity::OwnNamespace),
        Just(Specificity::Namespace),
        Just(Specificity::PodSelector),
        Just(Specificity::ServiceAccount),
        Just(Specificity::Workload),
    ];
    (any::<bool>(), specificity).prop_map(|(platform, specificity)| Rank { platform, specificity })
}

fn rates() -> impl Strategy<Value = Rates> {
    any::<[u64; 7]>().prop_map(|r| Rates {
        input: Rate(r[0]),
        cache_read: Rate(r[1]),
        cache_write: Rate(r[2]),
        cache_write_1h: Rate(r[3]),
        audio_input: Rate(r[4]),
        output: Rate(r[5]),
        audio_output: Rate(r[6]),
    })
}

fn price() -> impl Strategy<Value = Price> {
    (rates(), any::<u64>(), btree_map(any::<u64>(), rates(), 0..3)).prop_map(|(rates, per_request, tiers)| Price {
        rates,
        per_request: Nanos(per_request.into()),
        tiers: tiers.into_iter().map(|(context_over, rates)| Tier { context_over, rates }).collect(),
    })
}

fn model_match() -> impl Strategy<Value = ModelMatch> {
    let leaf = prop_oneof![
        name().prop_map(ModelMatch::Equals),
        name().prop_map(ModelMatch::StartsWith),
        name().prop_map(ModelMatch::EndsWith),
        name().prop_map(ModelMatch::Contains),
        (name(), any::<bool>()).prop_map(|(pattern, whole)| ModelMatch::Digits { pattern, whole }),
    ];
    leaf.prop_recursive(4, 16, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(ModelMatch::All),
            vec(inner.clone(), 0..3).prop_map(ModelMatch::Any),
            inner.prop_map(|m| ModelMatch::Not(Box::new(m))),
        ]
    })
}

fn facts() -> impl Strategy<Value = ModelFacts> {
    (glob(), any::<Option<u64>>(), any::<Option<u64>>(), option::of(price()))
        .prop_map(|(name, context_window, max_output, price)| ModelFacts { name, context_window, max_output, price })
}

fn rule() -> impl Strategy<Value = PriceRule> {
    (name(), model_match(), any::<Option<u64>>(), price())
        .prop_map(|(model, matches, context_window, price)| PriceRule { model, matches, context_window, price })
}

fn endpoint() -> impl Strategy<Value = Endpoint> {
    (any::<bool>(), name(), 1..=u16::MAX, "(/[a-z]{1,4})?").prop_map(|(tls, host, port, path)| Endpoint {
        tls,
        host,
        port,
        path: path.into(),
    })
}

fn timeouts() -> impl Strategy<Value = Timeouts> {
    [1..u64::MAX, 1..u64::MAX, 1..u64::MAX, 1..u64::MAX, 1..u64::MAX].prop_map(|t| {
        let [connect, response, first_event, idle, stream] = t.map(Duration::from_millis);
        Timeouts { connect, response, first_event, idle, stream }
    })
}

fn provider() -> impl Strategy<Value = Provider> {
    let who = (name(), name(), 0..3_usize, endpoint(), maybe_name(), maybe_name());
    let credential = (name(), any::<u32>()).prop_map(|(name, weight)| Credential { name, weight });
    let what = (vec(credential, 0..3), vec(facts(), 0..3), vec(rule(), 0..3), maybe_name());
    let how = (any::<bool>(), any::<bool>(), timeouts(), meta());
    (who, what, how).prop_map(|(who, what, how)| Provider {
        key: format!("{}/{}", who.0, who.1).into(),
        namespace: who.0,
        name: who.1,
        dialect: Dialect::ALL[who.2],
        endpoint: who.3,
        region: who.4,
        residency: who.5,
        credentials: what.0,
        models: what.1,
        prices: what.2.into(),
        authorities: what.3,
        network: Network { plaintext: how.0, private_addresses: how.1 },
        timeouts: how.2,
        meta: how.3,
    })
}

fn models() -> impl Strategy<Value = ModelList> {
    (vec(glob(), 0..4), rank(), mode(), meta()).prop_map(|(globs, rank, mode, meta)| ModelList {
        globs,
        rank,
        mode,
        meta,
    })
}

fn target() -> impl Strategy<Value = Target> {
    let slot = prop_oneof![
        (0..3_usize).prop_map(ProviderSlot::At),
        (name(), name()).prop_map(|(namespace, name)| ProviderSlot::Missing { namespace, name }),
        (name(), name()).prop_map(|(namespace, name)| ProviderSlot::NotAccessible { namespace, name }),
    ];
    (slot, maybe_name(), any::<u32>(), 0..=100_u8).prop_map(|(provider, model, weight, priority)| Target {
        provider,
        model,
        weight,
        priority,
    })
}

fn route() -> impl Strategy<Value = Route> {
    let header = (name(), name()).prop_map(|(name, value)| HeaderMatch { name, value });
    let matches = (vec(glob(), 0..3), vec(header, 0..3)).prop_map(|(models, headers)| Match { models, headers });
    (name(), vec(matches, 0..3), vec(target(), 0..3), rank(), mode(), meta())
        .prop_map(|(name, matches, targets, rank, mode, meta)| Route { name, matches, targets, rank, mode, meta })
}

fn limit() -> impl Strategy<Value = Limit> {
    let counted = prop_oneof![
        (1..u64::MAX).prop_map(|ms| (Unit::Requests, ms)),
        (1..u64::MAX).prop_map(|ms| (Unit::InputTokens, ms)),
        (1..u64::MAX).prop_map(|ms| (Unit::OutputTokens, ms)),
        (1..u64::MAX).prop_map(|ms| (Unit::TotalTokens, ms)),
        Just((Unit::ConcurrentRequests, 0)),
    ];
    (name(), name(), counted, 1..u64::MAX, mode(), meta()).prop_map(|(object, name, (unit, ms), amount, mode, meta)| {
        Limit { id: LimitId { object, name }, unit, amount, window: Duration::from_millis(ms), mode, meta }
    })
}

fn traces() -> impl Strategy<Value = Traces> {
    let said = (0..=1_000_000_000_u32, any::<[bool; 4]>(), 1..u64::MAX, vec(glob(), 0..3), option::of(meta()));
    said.prop_map(|(parts, [error, refusal, slow, first], ms, propagate_to, meta)| Traces {
        ratio: Ratio::of_billion(parts).expect("no more than all"),
        always: Always { error, refusal, slow, first },
        slow_over: Duration::from_millis(ms),
        propagate_to,
        meta,
    })
}

fn telemetry() -> impl Strategy<Value = Telemetry> {
    let content = (any::<bool>(), 1..=Content::HIGHEST_MAX_BYTES, option::of(meta()))
        .prop_map(|(capture, max_bytes, meta)| Content { capture, max_bytes, meta });
    let value = prop_oneof![name().prop_map(AttributeValue::Header), name().prop_map(AttributeValue::Known)];
    let attribute = (name(), value, meta()).prop_map(|(name, value, meta)| Attribute { name, value, meta });
    (option::of(traces()), option::of(content), vec(attribute, 0..3)).prop_map(|(traces, content, attributes)| {
        Telemetry { traces: traces.unwrap_or_default(), content: content.unwrap_or_default(), attributes }
    })
}

fn snapshot() -> impl Strategy<Value = Snapshot> {
    let lists = (vec(models(), 0..3), vec(models(), 0..3), vec(route(), 0..3), vec(limit(), 0..3));
    (name(), vec(provider(), 3..5), lists, telemetry()).prop_map(|(price_version, providers, lists, telemetry)| {
        let (allow, deny, routes, limits) = lists;
        let counted = Snapshot { providers, allow, deny, routes, limits, telemetry, ..Snapshot::default() };
        Snapshot { version: "v".into(), price_version, ..counted }.sealed()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_snapshot_comes_back_as_it_went(snapshot in snapshot()) {
        let bytes = encode_snapshot(&snapshot);
        prop_assert_eq!(&bytes, &encode_snapshot(&snapshot));
        prop_assert_eq!(decode_snapshot("v", &bytes).expect("decodes"), snapshot);
    }

    #[test]
    fn a_damaged_snapshot_never_panics(snapshot in snapshot(), at in any::<prop::sample::Index>(), byte: u8, cut: bool) {
        let mut bytes = encode_snapshot(&snapshot).to_vec();
        let at = at.index(bytes.len());
        if cut { bytes.truncate(at) } else { bytes[at] = byte }
        let _ = decode_snapshot("v", &bytes);
    }

    #[test]
    fn garbage_never_panics(bytes in vec(any::<u8>(), 0..512)) {
        let _ = decode_snapshot("v", &bytes);
    }

    #[test]
    fn a_caller_comes_back_as_it_went(who in [name(), name(), name(), name()], labels in btree_map("[a-z]{1,4}", "[a-z]{0,4}", 0..4)) {
        let [namespace, service_account, workload, pod] = who;
        let caller = Caller { namespace, service_account, workload, pod, labels };
        prop_assert_eq!(decode_caller(encode_caller(&caller)), caller);
    }
}

/// A small snapshot with one of everything that may be wrong.
fn message() -> v1::Snapshot {
    let meta = Some(v1::Meta { kind: 2, ..v1::Meta::default() });
    let rank = Some(v1::Rank { platform: true, specificity: 1 });
    v1::Snapshot {
        providers: vec![v1::Provider {
            namespace: "sidegate-system".into(),
            name: "openai".into(),
            dialect: 1,
            endpoint: Some(v1::Endpoint { tls: true, host: "api.openai.com".into(), port: 443, path: String::new() }),
            timeouts: Some(v1::Timeouts { connect: 1, response: 1, first_event: 1, idle: 1, stream: 1 }),
            meta: meta.clone(),
            ..v1::Provider::default()
        }],
        routes: vec![v1::Route {
            name: "fast".into(),
            targets: vec![v1::Target { provider: Some(v1::target::Provider::At(0)), ..v1::Target::default() }],
            rank,
            mode: 1,
            meta: meta.clone(),
            ..v1::Route::default()
        }],
        limits: vec![v1::Limit {
            object: "uid".into(),
            name: "burst".into(),
            unit: 1,
            amount: 1,
            window: 1000,
            mode: 1,
            meta: meta.clone(),
        }],
        allow: vec![v1::ModelList { globs: vec!["gpt-*".into()], rank, mode: 1, meta: meta.clone() }],
        telemetry: Some(v1::Telemetry {
            traces: Some(v1::Traces { ratio: 1, always: vec![1], slow_over: 1, ..v1::Traces::default() }),
            content: Some(v1::Content { capture: 2, max_bytes: 1, meta: None }),
            attributes: vec![v1::Attribute {
                name: "purpose".into(),
                value: Some(v1::attribute::Value::Header("x-purpose".into())),
                meta,
            }],
        }),
        ..v1::Snapshot::default()
    }
}

fn refusal(spoil: impl FnOnce(&mut v1::Snapshot)) -> String {
    let mut message = message();
    spoil(&mut message);
    decode_snapshot("v", &message.encode_to_vec()).expect_err("refused").to_string()
}

#[test]
fn the_message_that_the_refusals_start_from_is_good() {
    decode_snapshot("v", &message().encode_to_vec()).expect("decodes");
}

#[test]
fn an_unknown_feature_is_refused_by_name() {
    let said = refusal(|s| s.requires = vec!["time-travel".into()]);
    assert_eq!(said, "requires: requires the feature \"time-travel\", which this program does not have");
}

#[test]
fn an_unknown_enum_value_is_refused_with_its_path() {
    assert_eq!(refusal(|s| s.providers[0].dialect = 99), "providers[0].dialect: 99 is no known value");
    assert_eq!(refusal(|s| s.routes[0].mode = 0), "routes[0].mode: 0 is no known value");
    assert_eq!(refusal(|s| s.limits[0].unit = 7), "limits[0].unit: 7 is no known value");
    assert_eq!(
        refusal(|s| s.allow[0].rank = Some(v1::Rank { platform: false, specificity: 42 })),
        "allow[0].rank.specificity: 42 is no known value"
    );
}

#[test]
fn telemetry_that_cannot_be_is_refused_with_its_path() {
    let telemetry = |spoil: fn(&mut v1::Telemetry)| refusal(|s| spoil(s.telemetry.as_mut().expect("set")));
    let traces = |spoil: fn(&mut v1::Traces)| {
        refusal(|s| spoil(s.telemetry.as_mut().and_then(|t| t.traces.as_mut()).expect("set")))
    };
    assert_eq!(traces(|t| t.always = vec![9]), "telemetry.traces.always: 9 is no known value");
    assert_eq!(traces(|t| t.ratio = 1_000_000_001), "telemetry.traces.ratio: 1000000001 is out of bounds");
    assert_eq!(traces(|t| t.slow_over = 0), "telemetry.traces.slow_over: 0 is out of bounds");
    let content = |content| move |t: &mut v1::Telemetry| t.content = Some(content);
    let of = |capture, max_bytes| v1::Content { capture, max_bytes, meta: None };
    let said = refusal(|s| content(of(3, 1))(s.telemetry.as_mut().expect("set")));
    assert_eq!(said, "telemetry.content.capture: 3 is no known value");
    let said = refusal(|s| content(of(2, 0))(s.telemetry.as_mut().expect("set")));
    assert_eq!(said, "telemetry.content.max_bytes: 0 is out of bounds");
    assert_eq!(telemetry(|t| t.attributes[0].value = None), "telemetry.attributes[0].value: missing");
    let long = |t: &mut v1::Telemetry| t.attributes[0].value = Some(v1::attribute::Value::Known("x".repeat(129)));
    assert_eq!(telemetry(long), "telemetry.attributes[0].known: 129 is out of bounds");
    let many = |t: &mut v1::Telemetry| t.attributes = vec![t.attributes[0].clone(); 17];
    assert_eq!(telemetry(many), "telemetry.attributes: 17 is out of bounds");
}

#[test]
fn what_nobody_said_of_telemetry_is_not_sent_and_an_older_sender_means_the_defaults() {
    let silent = encode_snapshot(&Snapshot::default());
    assert!(v1::Snapshot::decode(silent.clone()).expect("decodes").telemetry.is_none());
    assert_eq!(decode_snapshot("v", &silent).expect("decodes").telemetry, Telemetry::default());
}

#[test]
fn an_index_that_leads_nowhere_is_refused() {
    let said = refusal(|s| s.routes[0].targets[0].provider = Some(v1::target::Provider::At(1)));
    assert_eq!(said, "routes[0].targets[0].at: 1 is out of bounds");
}

#[test]
fn what_has_to_be_there_is_missed() {
    assert_eq!(refusal(|s| s.providers[0].endpoint = None), "providers[0].endpoint: missing");
    assert_eq!(refusal(|s| s.routes[0].targets[0].provider = None), "routes[0].targets[0].provider: missing");
    assert_eq!(refusal(|s| s.providers[0].name.clear()), "providers[0].name: missing");
}

#[test]
fn zero_is_not_unlimited() {
    assert_eq!(refusal(|s| s.limits[0].amount = 0), "limits[0].amount: 0 is out of bounds");
    assert_eq!(refusal(|s| s.limits[0].window = 0), "limits[0].window: 0 is out of bounds");
    let no_idle = |s: &mut v1::Snapshot| s.providers[0].timeouts.as_mut().expect("set").idle = 0;
    assert_eq!(refusal(no_idle), "providers[0].timeouts.idle: 0 is out of bounds");
}

#[test]
fn a_snapshot_beyond_the_bound_is_refused_before_it_is_read() {
    let error = decode_snapshot("v", &vec![0xff; MAX_SNAPSHOT_BYTES + 1]).expect_err("refused");
    assert!(matches!(error.wrong, Wrong::TooLarge { .. }), "{error}");
}

fn nested(depth: usize) -> v1::ModelMatch {
    use v1::model_match::Match;
    (0..depth).fold(v1::ModelMatch { r#match: Some(Match::Equals("x".into())) }, |inner, _| v1::ModelMatch {
        r#match: Some(Match::Not(Box::new(inner))),
    })
}

fn with_match(m: v1::ModelMatch) -> impl FnOnce(&mut v1::Snapshot) {
    let rates = Some(v1::Rates::default());
    let price = Some(v1::Price { rates, ..v1::Price::default() });
    let rule = v1::PriceRule { model: "x".into(), matches: Some(m), context_window: None, price };
    |s| s.providers[0].prices = vec![rule]
}

#[test]
fn matches_nested_too_deep_are_refused() {
    assert!(refusal(with_match(nested(20))).ends_with("nested deeper than 16"));
}

#[test]
fn a_depth_bomb_is_refused_without_a_deep_stack() {
    // Built from the inside out, as bytes: a message so deep could not even be dropped safely.
    let mut inner = Vec::new();
    for _ in 0..20_000 {
        let mut outer = vec![(9 << 3) | 2];
        prost::encoding::encode_varint(inner.len() as u64, &mut outer);
        outer.extend_from_slice(&inner);
        inner = outer;
    }
    let wrap = |field: u8, inner: &[u8]| {
        let mut outer = vec![(field << 3) | 2];
        prost::encoding::encode_varint(inner.len() as u64, &mut outer);
        outer.extend_from_slice(inner);
        outer
    };
    let bomb = wrap(3, &wrap(9, &wrap(2, &inner)));
    let error = decode_snapshot("v", &bomb).expect_err("refused");
    assert!(matches!(error.wrong, Wrong::Malformed(_)), "{error}");
}

#[test]
fn unknown_fields_are_ignored() {
    let mut bytes = message().encode_to_vec();
    prost::encoding::string::encode(900, &"from the future".to_owned(), &mut bytes);
    decode_snapshot("v", &bytes).expect("decodes");
}

//! Which providers are taken, which are refused, and in which words.

#![expect(clippy::expect_used, reason = "what a test needs and does not get ends it")]

use std::time::Duration;

use serde_json::{Value, json};
use sidegate_crds::{AIProvider, AcceptedProvider, Access, Context, accept_provider, check_update, validate};
use sidegate_policy::{Nanos, Rate};

const CONTEXT: Context<'static> = Context { control_namespace: "sidegate-system" };

fn object(namespace: &str, spec: Value) -> Result<AIProvider, serde_json::Error> {
    serde_json::from_value(json!({
        "apiVersion": "sidegate.dev/v1alpha1",
        "kind": "AIProvider",
        "metadata": {"name": "openai", "namespace": namespace},
        "spec": spec,
    }))
}

fn accepted(namespace: &str, spec: Value) -> AcceptedProvider {
    accept_provider(&object(namespace, spec).expect("has the shape"), &CONTEXT).expect("accepted")
}

fn refused(namespace: &str, spec: Value) -> Vec<String> {
    let object = object(namespace, spec).expect("has the shape");
    validate(&object, &CONTEXT).expect_err("refused").iter().map(ToString::to_string).collect()
}

/// A provider with a key, with `more` laid over it.
fn keyed(more: Value) -> Value {
    let mut spec = json!({"dialect": "OpenAI", "credentials": [{"name": "a", "secretRef": {"name": "s", "key": "k"}}]});
    let (Value::Object(spec_fields), Value::Object(more)) = (&mut spec, more) else { return spec };
    spec_fields.extend(more);
    spec
}

#[test]
fn a_provider_of_one_line_gets_every_default() {
    let provider = accepted("sidegate-system", json!({"dialect": "Anthropic"}));
    assert_eq!(&*provider.provider.endpoint.host, "api.anthropic.com");
    assert_eq!((provider.provider.endpoint.port, &*provider.provider.endpoint.path), (443, ""));
    assert_eq!(provider.provider.timeouts.first_event, Duration::from_secs(600));
    assert_eq!(provider.access, Access::Same);
    assert_eq!(&*provider.provider.key, "sidegate-system/openai");
}

#[test]
fn the_shape_is_closed_everywhere() {
    for spec in [
        json!({"dialect": "OpenAI", "platform": "Azure"}),
        json!({"dialect": "Converse"}),
        json!({"dialect": "OpenAI", "network": {"proxy": "x"}}),
        json!({"dialect": "OpenAI", "models": [{"name": "m", "price": {"input": "1", "output": "1", "batch": "1"}}]}),
        json!({"dialect": "OpenAI", "models": [{"name": "m", "price": {"input": 0.15, "output": "1"}}]}),
        json!({"dialect": "OpenAI", "models": [{"name": "m", "price": {"input": "1"}}]}),
        json!({"dialect": "OpenAI", "models": [{"name": "m", "price": {"currency": "EUR", "input": "1", "output": "1"}}]}),
        json!({"dialect": "OpenAI", "tls": {"caCertificateRefs": [{"kind": "Secret", "name": "a", "key": "b"}]}}),
    ] {
        object("shop", spec.clone()).map(drop).expect_err(&spec.to_string());
    }
}

#[test]
fn prices_are_exact_and_absent_classes_cost_what_their_side_costs() {
    let price = json!({"input": "0.15", "cacheRead": "0.075", "output": "0.60", "perRequest": "0.000000001",
                       "tiers": [{"contextOver": 200_000, "input": "0.30", "output": "0"}]});
    let provider = accepted("shop", json!({"dialect": "OpenAI", "models": [{"name": "gpt-*", "price": price}]}));
    let price = provider.provider.models[0].price.as_ref().expect("priced");
    assert_eq!(price.rates.input, Rate(150_000_000));
    assert_eq!(price.rates.cache_read, Rate(75_000_000));
    assert_eq!(price.rates.cache_write, Rate(150_000_000));
    assert_eq!(price.rates.audio_output, Rate(600_000_000));
    assert_eq!(price.per_request, Nanos(1));
    assert_eq!((price.tiers[0].context_over, price.tiers[0].rates.audio_output), (200_000, Rate(0)));
}

#[test]
fn money_of_another_form_is_refused() {
    for text in ["", "1e3", "-1", ".5", "01", "1.", "1.0000000001", "1234567890123", "NaN", "1,5", "99999999999"] {
        let spec = json!({"dialect": "OpenAI", "models": [{"name": "m", "price": {"input": text, "output": "1"}}]});
        let said = refused("shop", spec);
        assert!(said[0].starts_with("spec.models[0].price.input: must be"), "{text}: {said:?}");
    }
}

#[test]
fn endpoints_are_plain_urls() {
    for url in [
        "api.openai.com",
        "ftp://api.openai.com",
        "https://user:hunter2@api.openai.com",
        "https://api.openai.com/v1?key=hunter2",
        "https://api.openai.com/v1#x",
        "https://api.openai.com:0",
        "https://api.openai.com:99999",
        "https://api.openai.com:",
        "https://",
        "https://[::1",
        "https://a b.com",
        "https://api.openai.com/../x",
        "https://api.openai.com//x",
        "https://api.openai.com/%2e",
        "https://-a.com",
        "https://api..com",
    ] {
        let said = refused("sidegate-system", json!({"dialect": "OpenAI", "endpoint": url}));
        assert!(said[0].starts_with("spec.endpoint: must"), "{url}: {said:?}");
        assert!(!said[0].contains("hunter2"), "{said:?}");
    }
    let provider = accepted("shop", json!({"dialect": "OpenAI", "endpoint": "http://[::1]:4790/v1/"}));
    let endpoint = provider.provider.endpoint;
    assert_eq!((endpoint.tls, &*endpoint.host, endpoint.port, &*endpoint.path), (false, "::1", 4790, "/v1"));
}

#[test]
fn metadata_services_are_never_reached() {
    for host in [
        "169.254.169.254",
        "169.254.1.1:8080",
        "[::ffff:169.254.169.254]",
        "[64:ff9b::a9fe:a9fe]",
        "[fe80::1]",
        "[fd00:ec2::254]",
        "metadata.google.internal",
        "METADATA.google.internal.",
        "metadata",
        "100.100.100.200",
        "0.0.0.0",
        "2852039166",
        "0xa9fea9fe",
        "169.254.43518",
    ] {
        let open = json!({"plaintext": true, "privateAddresses": true});
        let spec = keyed(json!({"endpoint": format!("http://{host}/v1"), "network": open}));
        assert!(refused("sidegate-system", spec)[0].starts_with("spec.endpoint: must"), "{host}");
    }
}

#[test]
fn a_key_goes_encrypted_to_a_name_unless_the_platform_says_otherwise() {
    let said = refused("sidegate-system", keyed(json!({"endpoint": "http://llm.corp/v1"})));
    assert_eq!(
        said,
        ["spec.endpoint: must be https while there are credentials, unless spec.network.plaintext is true"]
    );
    for host in ["localhost", "a.localhost", "127.0.0.1", "[::1]", "8.8.8.8"] {
        let said = refused("sidegate-system", keyed(json!({"endpoint": format!("https://{host}/v1")})));
        assert!(said[0].contains("spec.network.privateAddresses"), "{host}: {said:?}");
    }
    let open = json!({"plaintext": true, "privateAddresses": true});
    let provider = accepted("sidegate-system", keyed(json!({"endpoint": "http://127.0.0.1:4790/v1", "network": open})));
    assert!(provider.provider.network.plaintext && provider.provider.network.private_addresses);
}

#[test]
fn without_a_key_private_places_are_fine() {
    let provider = accepted("shop", json!({"dialect": "OpenAI", "endpoint": "http://vllm.shop.svc:8000/v1"}));
    assert!(provider.provider.network.plaintext && provider.provider.network.private_addresses);
    assert!(!accepted("shop", keyed(json!({}))).provider.network.private_addresses);
}

#[test]
fn only_the_platform_lifts_the_network_rules_and_serves_others() {
    let said = refused("shop", keyed(json!({"network": {"plaintext": true, "privateAddresses": true}})));
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[0].starts_with("spec.network.plaintext: is honoured only in the control plane's namespace"));
    let said = refused("shop", json!({"dialect": "OpenAI", "access": {"namespaces": {"from": "All"}}}));
    assert!(said[0].starts_with("spec.access.namespaces.from: must be Same"), "{said:?}");
}

#[test]
fn a_selector_is_given_with_from_selector_and_only_then() {
    for namespaces in [json!({"from": "Selector"}), json!({"from": "All", "selector": {}})] {
        let spec = json!({"dialect": "OpenAI", "access": {"namespaces": namespaces}});
        assert!(refused("sidegate-system", spec)[0].starts_with("spec.access.namespaces.selector: must"));
    }
}

#[test]
fn credentials_have_unique_names_and_bounded_weights() {
    let credential =
        |name: &str, weight: i64| json!({"name": name, "weight": weight, "secretRef": {"name": "s", "key": "k"}});
    let many: Vec<Value> = (0..17).map(|n| credential(&format!("c{n}"), 1)).collect();
    for (credentials, words) in [
        (json!([credential("a", 1), credential("a", 1)]), "spec.credentials[a]: names must be unique in this list"),
        (json!([credential("a", -1)]), "spec.credentials[a].weight: must be from 0 to 1000000"),
        (json!([credential("a", 1_000_001)]), "spec.credentials[a].weight: must be from 0 to 1000000"),
        (json!(many), "spec.credentials: has 17 entries; at most 16 are allowed"),
    ] {
        assert_eq!(refused("shop", json!({"dialect": "OpenAI", "credentials": credentials})), [words]);
    }
}

#[test]
fn timeouts_are_positive_durations() {
    for text in ["0s", "0ms", "5", "s", "-5s", "1.5s", "5 s", "123456s", "1h1m1s1ms1s", "forever", ""] {
        let said = refused("shop", json!({"dialect": "OpenAI", "timeouts": {"idle": text}}));
        assert!(said[0].starts_with("spec.timeouts.idle: must"), "{text}: {said:?}");
    }
    let provider = accepted("shop", json!({"dialect": "OpenAI", "timeouts": {"stream": "1h30m", "connect": "250ms"}}));
    assert_eq!(provider.provider.timeouts.stream, Duration::from_secs(5400));
    assert_eq!(provider.provider.timeouts.connect, Duration::from_millis(250));
}

#[test]
fn everything_wrong_is_said_at_once() {
    let spec =
        json!({"dialect": "OpenAI", "endpoint": "x", "region": "", "models": [{"name": "a*b", "contextWindow": 0}]});
    let fields: Vec<String> =
        refused("shop", spec).iter().map(|s| s.split(": ").next().unwrap_or_default().to_owned()).collect();
    assert_eq!(fields, ["spec.endpoint", "spec.region", "spec.models[0].contextWindow", "spec.models[0].name"]);
}

#[test]
fn host_and_dialect_stay_while_there_are_keys() {
    let spec = |value: Value| object("shop", value).expect("has the shape").spec;
    let old = spec(keyed(json!({"endpoint": "https://a.com/v1"})));
    let moved = spec(keyed(json!({"endpoint": "https://b.com/v1"})));
    let deeper = spec(keyed(json!({"endpoint": "https://a.com/v2"})));
    let other = spec(keyed(json!({"endpoint": "https://a.com/v1", "dialect": "Gemini"})));
    assert_eq!(check_update(&old, &moved).expect_err("refused")[0].field, "spec.endpoint");
    assert_eq!(check_update(&old, &other).expect_err("refused")[0].field, "spec.dialect");
    check_update(&old, &deeper).expect("the path may change");
    let keyless = spec(json!({"dialect": "OpenAI", "endpoint": "https://a.com/v1"}));
    check_update(&keyless, &moved).expect("without keys everything may change");
}

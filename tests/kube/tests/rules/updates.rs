//! What may not change from one version of an object to the next.

use serde_json::{Value, json};
use sidegate_crds::{AIProviderSpec, check_update};
use sidegate_kube::objects;

use super::{SHOP, object, ready};

fn keyed(endpoint: Option<&str>, dialect: &str) -> Value {
    let mut spec = json!({"dialect": dialect, "credentials": [{"name": "a", "secretRef": {"name": "s", "key": "k"}}]});
    if let Some(endpoint) = endpoint {
        spec["endpoint"] = endpoint.into();
    }
    spec
}

/// From, to, and the words of the refusal, where there is one.
fn changes() -> Vec<(Value, Value, Option<&'static str>)> {
    let dialect = Some("spec.dialect: Invalid value");
    let host = Some("its host cannot change while there are credentials");
    let at = |endpoint: &str| keyed(Some(endpoint), "OpenAI");
    let keyless = |endpoint: &str| json!({"dialect": "OpenAI", "endpoint": endpoint});
    vec![
        (at("https://a.com/v1"), at("https://a.com/v2/x"), None),
        (at("https://a.com/v1"), at("https://b.com/v1"), host),
        (at("https://a.com/v1"), at("https://a.com:8443/v1"), host),
        (at("https://a.com/v1"), keyed(None, "OpenAI"), host),
        (keyed(None, "OpenAI"), at("https://a.com/v1"), host),
        (keyed(None, "OpenAI"), keyed(None, "Gemini"), dialect),
        (keyed(None, "OpenAI"), keyed(None, "OpenAI"), None),
        // Adding keys to a place that is already there, and leaving with them.
        (keyless("https://a.com"), at("https://b.com"), None),
        (keyless("https://a.com"), keyless("https://b.com"), None),
        (at("https://a.com"), keyless("https://a.com"), None),
        (at("https://a.com"), keyless("https://b.com"), host),
    ]
}

#[tokio::test]
async fn host_and_dialect_stay_while_there_are_keys() {
    let (_server, client) = ready().await;
    for (nth, (from, to, words)) in changes().into_iter().enumerate() {
        let name = format!("moved-{nth}");
        objects::apply_one(&client, &object("AIProvider", SHOP, &name, &from)).await.unwrap();
        let online = objects::apply_one(&client, &object("AIProvider", SHOP, &name, &to)).await;
        let spec = |value: &Value| serde_json::from_value::<AIProviderSpec>(value.clone()).unwrap();
        let offline = check_update(&spec(&from), &spec(&to));
        assert_eq!(offline.is_err(), words.is_some(), "{from} to {to}: {offline:?}");
        match (online, words) {
            (Ok(_), None) => {}
            (Err(refused), Some(words)) => assert!(refused.to_string().contains(words), "{from} to {to}: {refused}"),
            (online, _) => panic!("{from} to {to}: {online:?}"),
        }
    }
}

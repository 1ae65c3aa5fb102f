//! Objects for tests: what a test does not care about has a good default.

use std::sync::Arc;

use serde_json::{Value, json};
use sidegate_controller::Index;
use sidegate_controller::prices::PriceBook;
use sidegate_controller::secret::{Secret, SecretValue};
use sidegate_crds::{AIPolicy, AIProvider};
use sidegate_policy::Caller;

/// An empty index in which nothing has a list price.
pub fn index() -> Index {
    Index::new("sidegate-system", PriceBook::empty(), [7; 32])
}

/// `checkout`'s only pod in `namespace`.
pub fn caller(namespace: &str) -> Caller {
    Caller {
        namespace: namespace.into(),
        service_account: "default".into(),
        workload: "deployment/checkout".into(),
        pod: "checkout-1".into(),
        labels: [("app".to_owned(), "checkout".to_owned())].into(),
    }
}

/// `base` with the fields of `more` over it.
pub fn merged(mut base: Value, more: Value) -> Value {
    if let (Value::Object(base), Value::Object(more)) = (&mut base, more) {
        base.extend(more);
    }
    base
}

pub fn provider(namespace: &str, name: &str, spec: Value) -> AIProvider {
    provider_aged(namespace, name, 0, spec)
}

/// A provider that was created `second` seconds into 1970.
pub fn provider_aged(namespace: &str, name: &str, second: u8, spec: Value) -> AIProvider {
    serde_json::from_value(object("AIProvider", namespace, name, second, spec)).expect("has the shape of a provider")
}

pub fn policy(namespace: &str, name: &str, spec: Value) -> AIPolicy {
    policy_aged(namespace, name, 0, spec)
}

/// A policy that was created `second` seconds into 1970.
pub fn policy_aged(namespace: &str, name: &str, second: u8, spec: Value) -> AIPolicy {
    serde_json::from_value(object("AIPolicy", namespace, name, second, spec)).expect("has the shape of a policy")
}

fn object(kind: &str, namespace: &str, name: &str, second: u8, spec: Value) -> Value {
    json!({
        "apiVersion": "sidegate.dev/v1alpha1",
        "kind": kind,
        "metadata": {
            "namespace": namespace,
            "name": name,
            "uid": format!("{kind}/{namespace}/{name}"),
            "generation": 1,
            "creationTimestamp": format!("1970-01-01T00:00:{second:02}Z"),
        },
        "spec": spec,
    })
}

pub fn secret(namespace: &str, name: &str, hosts: Option<&str>, keys: &[(&str, &str)]) -> Secret {
    Secret {
        namespace: namespace.into(),
        name: name.into(),
        hosts: hosts.map(Secret::hosts_of),
        keys: keys.iter().map(|(k, v)| ((*k).to_owned(), SecretValue::read(v.as_bytes()).map(Arc::new))).collect(),
    }
}

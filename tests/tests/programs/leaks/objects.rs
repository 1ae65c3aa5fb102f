//! The objects, good ones and spoilt ones, with canaries in everything of them that is a secret or a note.

use std::net::SocketAddr;

use serde_json::Value;
use sidegate_tests::objects::{Folder, secret};
use sidegate_tests::plane::within;

use super::{KEY, NOTE, SOON};
use crate::process::Program;

fn provider(name: &str, dialect: &str, endpoint: &str) -> String {
    let note = Value::from(NOTE);
    let applied = Value::from(format!("{{\"stringData\": \"{KEY}\"}}"));
    format!(
        r#"
apiVersion: sidegate.dev/v1alpha1
kind: AIProvider
metadata:
  name: {name}
  namespace: sidegate-system
  annotations: {{note: {note}, "kubectl.kubernetes.io/last-applied-configuration": {applied}}}
spec:
  dialect: {dialect}
  endpoint: {endpoint}
  network: {{plaintext: true, privateAddresses: true}}
  credentials: [{{name: main, secretRef: {{name: openai, key: key}}}}]
  access: {{namespaces: {{from: All}}}}
  timeouts: {{connect: 1s, response: 1s, firstEvent: 1s, idle: 1s}}
---
"#
    )
}

fn policy(limits: &str) -> String {
    let route = |name: &str| {
        format!(
            "  - {{name: {name}, matches: [{{models: [{name}]}}], targets: [{{provider: {name}, namespace: sidegate-system}}]}}\n"
        )
    };
    let routes: String = ["way-dns", "way-closed", "way-tls", "way-missing"].map(route).concat();
    format!(
        r#"
apiVersion: sidegate.dev/v1alpha1
kind: AIPolicy
metadata: {{name: cluster, namespace: sidegate-system, annotations: {{note: {}}}}}
spec:
  models: {{deny: ["denied-*"]}}
  routes:
{routes}
  telemetry: {{traces: {{ratio: "1"}}, attributes: [{{name: purpose, header: x-purpose}}]}}
{limits}"#,
        Value::from(NOTE)
    )
}

/// The good ones.
pub fn write(files: &Folder, sim: SocketAddr) {
    let at = format!("http://{sim}");
    let all = [
        provider("openai", "OpenAI", &format!("{at}/v1")),
        provider("anthropic", "Anthropic", &at),
        provider("gemini", "Gemini", &at),
        provider("way-dns", "OpenAI", "http://nowhere.invalid/v1"),
        provider("way-closed", "OpenAI", "http://127.0.0.1:1/v1"),
        provider("way-tls", "OpenAI", &format!("https://{sim}/v1")),
    ];
    files.write("providers.yaml", all.concat());
    files.write("secret.yaml", annotated(KEY));
    files.write("policy.yaml", policy(""));
}

/// The Secret with that value, and what `kubectl apply` writes beside it.
fn annotated(key: &str) -> String {
    let (note, applied) = (Value::from(NOTE), Value::from(format!("{{\"stringData\": \"{key}\"}}")));
    let beside =
        format!("annotations: {{note: {note}, \"kubectl.kubernetes.io/last-applied-configuration\": {applied}}}");
    secret(key).replace("namespace: sidegate-system}", &format!("namespace: sidegate-system, {beside}}}"))
}

/// Everything that may be wrong with an object near a key, one after the other; each is waited for.
pub async fn spoil(files: &Folder, controller: &Program) {
    let quoted = Value::from(KEY);
    let good = provider("spoilt", "OpenAI", "http://127.0.0.1:1/v1");
    let data = |data: &str| {
        format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: openai, namespace: sidegate-system}}\n{data}\n")
    };
    let spoilt = [
        ("secret.yaml", secret(&format!("{KEY} {KEY}"))),
        ("secret.yaml", secret(&format!("{KEY}\u{fc}"))),
        ("secret.yaml", secret(&KEY.repeat(1000))),
        ("secret.yaml", data(&format!("data: [{quoted}]"))),
        ("secret.yaml", data(&format!("data: {{key: {quoted}}}"))),
        ("secret.yaml", data(&format!("stringData: {{key: [{quoted}]}}"))),
        ("secret.yaml", data(&format!("stringData: {quoted}"))),
        ("secret.yaml", data(&format!("stringData: {{key: \"{KEY}"))),
        ("secret.yaml", data(&format!("stringData:\n  key: {quoted}\n {quoted}"))),
        ("spoilt.yaml", good.replace("secretRef: {name: openai, key: key}", &format!("secretRef: {quoted}"))),
        ("spoilt.yaml", good.replace("secretRef: {name: openai, key: key}", &format!("value: {quoted}"))),
        ("spoilt.yaml", good.replace("credentials: [", &format!("credentials: [{quoted}, "))),
    ];
    for (file, text) in spoilt {
        let good = if file == "secret.yaml" { annotated(KEY) } else { String::new() };
        for (text, word) in [(text, "ERROR"), (good, "solved")] {
            let before = controller.told().len();
            files.write(file, &text);
            let told = || controller.told().get(before..).is_some_and(|new| new.contains(word));
            within(SOON, &format!("{word} is told of {text}"), told).await;
        }
    }
}

/// A limit that is used up by one call.
pub async fn limit(files: &Folder, controller: &Program) {
    let programmed = || controller.said().matches("\"change\":\"programmed\",\"kind\":\"AIPolicy\"").count();
    let before = programmed();
    files.write("policy.yaml", policy("  limits: [{name: one, per: [{type: Pod}], requests: 1, window: 1h}]\n"));
    within(SOON, &format!("the limit is in force: {}", controller.said()), || programmed() > before).await;
}

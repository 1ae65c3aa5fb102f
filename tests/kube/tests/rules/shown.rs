//! What people see: examples that are taken, defaults that appear, columns, and the texts of `kubectl explain`.

use std::path::Path;
use std::process::Output;

use kube::api::{Api, DeleteParams, DynamicObject};
use kube::{Client, ResourceExt};
use serde_json::{Value, json};
use sidegate_crds::AIProvider;
use sidegate_kube::objects;

use super::{PLATFORM, SHOP, object, ready};

/// What kubectl prints, in single spaces.
fn text(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The next example may have one of the same name for another host.
async fn forget(client: &Client, object: &DynamicObject) {
    let (name, namespace) = (object.name_any(), object.namespace().unwrap_or_default());
    if object.types.as_ref().is_some_and(|types| types.kind == "AIProvider") {
        let api: Api<AIProvider> = Api::namespaced(client.clone(), &namespace);
        api.delete(&name, &DeleteParams::default()).await.unwrap();
    }
}

#[tokio::test]
async fn every_example_is_taken() {
    let (_server, client) = ready().await;
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let mut taken = 0;
    for directory in std::fs::read_dir(examples).unwrap().map(|entry| entry.unwrap().path()).filter(|p| p.is_dir()) {
        for file in std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()) {
            if file.extension().is_none_or(|extension| extension != "yaml") {
                continue;
            }
            for document in objects::documents(&std::fs::read_to_string(&file).unwrap()) {
                match objects::apply_one(&client, &document).await {
                    Ok(object) => forget(&client, &object).await,
                    Err(refused) => panic!("{}: {refused}", file.display()),
                }
                taken += 1;
            }
        }
    }
    assert!(taken > 10, "only {taken} objects found");
}

#[tokio::test]
async fn defaults_appear_in_what_was_applied() {
    let (_server, client) = ready().await;
    let credentials = json!([{"name": "a", "secretRef": {"name": "s", "key": "k"}}]);
    let spec = json!({"dialect": "OpenAI", "credentials": credentials,
                      "models": [{"name": "m", "price": {"input": "1", "output": "2"}}]});
    let provider = objects::apply_one(&client, &object("AIProvider", SHOP, "p", &spec)).await.unwrap().data;
    assert_eq!(provider["spec"]["access"], json!({"namespaces": {"from": "Same"}}));
    assert_eq!(provider["spec"]["network"], json!({"plaintext": false, "privateAddresses": false}));
    let timeouts = json!({"connect": "5s", "response": "15m", "firstEvent": "10m", "idle": "5m", "stream": "1h"});
    assert_eq!(provider["spec"]["timeouts"], timeouts);
    assert_eq!(provider["spec"]["credentials"][0]["weight"], 1);
    assert_eq!(provider["spec"]["models"][0]["price"]["currency"], "USD");
    assert_eq!(provider["spec"].get("endpoint"), None::<&Value>);

    let spec = json!({"routes": [{"name": "r", "matches": [{}], "targets": [{"provider": "p"}]}]});
    let policy = objects::apply_one(&client, &object("AIPolicy", SHOP, "p", &spec)).await.unwrap().data;
    assert_eq!(policy["spec"]["mode"], "Enforce");
    assert_eq!(policy["spec"]["routes"][0]["targets"][0], json!({"provider": "p", "weight": 1, "priority": 0}));
    assert_eq!(policy["spec"].get("models"), None::<&Value>, "absent is not empty");
    assert_eq!(policy["spec"].get("telemetry"), None::<&Value>, "what nobody says is not said");

    let spec = json!({"telemetry": {"traces": {}, "content": {}}});
    let policy = objects::apply_one(&client, &object("AIPolicy", SHOP, "told", &spec)).await.unwrap().data;
    let traces = json!({"ratio": "0.1", "always": ["Error", "Refusal", "Slow", "First"], "slowOver": "10s"});
    let telemetry = json!({"traces": traces, "content": {"capture": "None", "maxBytes": 8192}});
    assert_eq!(policy["spec"]["telemetry"], telemetry);
}

#[tokio::test]
async fn kubectl_takes_the_committed_definitions_shows_columns_and_explains_fields() {
    let (server, client) = ready().await;
    let committed = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/crds/sidegate.yaml");
    let applied = text(&server.kubectl(&["apply", "--server-side", "--force-conflicts", "-f", committed]));
    assert_eq!(applied.matches("serverside-applied").count(), 6, "{applied}");
    let spec = json!({"dialect": "Gemini"});
    objects::apply_one(&client, &object("AIProvider", PLATFORM, "shown", &spec)).await.unwrap();
    objects::apply_one(&client, &object("AIPolicy", SHOP, "frugal", &json!({"mode": "DryRun"}))).await.unwrap();

    let status = json!({"status": {
        "observedGeneration": 1,
        "sidecars": {"selected": 42, "programmed": 41, "rejected": 1},
        "conditions": [
            {"type": "Accepted", "status": "True", "reason": "Accepted", "message": "", "observedGeneration": 1,
             "lastTransitionTime": "2026-01-01T00:00:00Z"},
            {"type": "Programmed", "status": "False", "reason": "Refused", "message": "", "observedGeneration": 1,
             "lastTransitionTime": "2026-01-01T00:00:00Z"},
        ],
    }})
    .to_string();
    let patch = ["-n", PLATFORM, "patch", "aip", "shown", "--subresource=status", "--type=merge", "-p", &status];
    text(&server.kubectl(&patch));

    let providers = text(&server.kubectl(&["get", "aip", "-A"]));
    assert!(providers.contains("DIALECT ACCEPTED PROGRAMMED SIDECARS CURRENT AGE"), "{providers}");
    assert!(providers.contains("shown Gemini True False 42 41"), "{providers}");
    let policies = text(&server.kubectl(&["get", "aipol", "-A", "-o", "wide"]));
    assert!(policies.contains("MODE ACCEPTED PROGRAMMED CONFLICTED SIDECARS CURRENT AGE"), "{policies}");
    assert!(policies.contains("frugal DryRun"), "{policies}");
    for category in ["ai", "sidegate"] {
        let all = text(&server.kubectl(&["get", category, "-A", "-o", "name"]));
        assert!(all.contains("aiprovider.sidegate.dev/shown") && all.contains("aipolicy.sidegate.dev/frugal"), "{all}");
    }

    let explained = text(&server.kubectl(&["explain", "aipolicy.spec.routes.targets"]));
    for words in [
        "Where it leads. Targets of the lowest priority come first, by weight among each other",
        "weight <integer> Share among the targets of its priority; 0 is drained: it gets no calls.",
        "provider <string> -required- Name of the AIProvider.",
    ] {
        assert!(explained.contains(words), "{words:?} is not in {explained}");
    }
    let explained = text(&server.kubectl(&["explain", "aipolicy.spec.telemetry.content"]));
    for words in [
        "capture <string> enum: None, Full None, or Full: prompts, answers and what tools are given",
        "They go nowhere else: never into audit line, metrics or logs.",
        "None of any policy wins over Full of all others.",
    ] {
        assert!(explained.contains(words), "{words:?} is not in {explained}");
    }
    let explained = text(&server.kubectl(&["explain", "aiprovider"]));
    assert!(explained.contains("Where calls to language models may go, and with which keys."), "{explained}");
}

//! Keys are not read: whether one is there is what the provider's status says.

use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::json;
use sidegate_crds::AIProvider;

use crate::stage::{Stage, json as answer};

#[tokio::test]
async fn a_key_that_the_status_calls_missing_counts_as_missing() {
    let stage = Stage::new().await;
    let admin = stage.kubeconfig("admin", stage.server.token());
    let asked = ["explain", "pod/checkout-5d8f-x", "--model", "fast"];
    let before = answer(&admin, &asked);
    assert_eq!(before["targets"][0]["credentials"][0]["name"], "a", "without a word it counts as there: {before}");
    let status = json!({"status": {"observedGeneration": 1, "credentials": [
        {"name": "a", "state": "Missing"}, {"name": "b", "state": "Rejected"}]}});
    let api: Api<AIProvider> = Api::namespaced(stage.server.client(), "sidegate-system");
    api.patch_status("openai", &PatchParams::default(), &Patch::Merge(&status)).await.unwrap();
    let after = answer(&admin, &asked);
    assert_eq!(after["targets"][0]["credentials"], json!([{"name": "b", "share": "100%"}]), "{after}");
    let notes = after["notes"].to_string();
    assert!(notes.contains("credential a missing") && notes.contains("credential b rejected"), "{notes}");
}

//! `trace`: the record of one call, from whichever sidecar served it.

use serde_json::Value;
use sidegate_tests::objects::{Folder, OPENAI, secret};
use sidegate_wire::v1;
use tonic::Code;

use crate::{Cluster, everywhere, namespace, status};

/// Two providers, and a route `fast` that tries one after the other.
const LADDER: &str = r#"
apiVersion: sidegate.dev/v1alpha1
kind: AIPolicy
metadata: {name: everyone, namespace: sidegate-system}
spec:
  models: {deny: ["gpt-4o-nano"]}
  routes:
  - name: fast
    matches: [{models: [fast]}]
    targets:
    - {provider: openai, model: gpt-4o}
    - {provider: second, model: gpt-4o-mini, priority: 1}
    - {provider: second, model: gpt-4o-nano, priority: 2}
"#;

fn objects() -> Folder {
    let folder = Folder::new("objects");
    folder.write("openai.yaml", OPENAI);
    folder.write(
        "second.yaml",
        OPENAI.replace("name: openai, namespace", "name: second, namespace").replace("openai.test", "second.test"),
    );
    folder.write("secret.yaml", secret("sim-key-a"));
    folder.write("policy.yaml", LADDER);
    folder
}

async fn trace(cluster: &Cluster, scope: Option<v1::Scope>, request_id: &str) -> Result<v1::Traced, tonic::Status> {
    let request = v1::TraceRequest { scope, request_id: request_id.to_owned() };
    cluster.person().trace(request).await.map(tonic::Response::into_inner)
}

#[tokio::test(start_paused = true)]
async fn a_call_that_fell_back_is_told_with_what_was_considered_and_each_attempt() {
    let mut cluster = Cluster::up(objects()).await;
    cluster.search.stage.spend_repeats();
    cluster.search.stage.fail("openai", 1, status(503));
    let answer = cluster.search.call("fast").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let id = answer.header("x-sidegate-request-id");
    let traced = trace(&cluster, namespace("shop"), id).await.unwrap();
    let call = traced.call.unwrap();
    assert_eq!((&*call.namespace, &*call.workload, &*call.pod), ("shop", "deployment/search", "search-1"));
    let line: Value = serde_json::from_slice(&call.record).unwrap();
    assert_eq!(line["request_id"], id);
    assert_eq!(line["rule"], "AIPolicy/sidegate-system/everyone spec.routes[fast]");
    let attempts: Vec<_> =
        line["attempts"].as_array().unwrap().iter().map(|a| (&a["provider"], &a["status"])).collect();
    assert_eq!(
        attempts,
        [(&"sidegate-system/openai".into(), &503.into()), (&"sidegate-system/second".into(), &200.into())]
    );
    assert_eq!(line["left_out"][0]["why"], "denied");
    assert!(line["input_bound"].as_u64() > line["input_tokens"].as_u64(), "{line}");
    let considered: Vec<_> = traced.considered.iter().map(|c| (&*c.provider, &*c.model, c.priority)).collect();
    assert_eq!(considered, [("sidegate-system/openai", "gpt-4o", 0), ("sidegate-system/second", "gpt-4o-mini", 1)]);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_no_sidecar_in_question_remembers_is_told_as_that() {
    let mut cluster = Cluster::simple().await;
    let answer = cluster.teller.call("gpt-4o").await;
    let id = answer.header("x-sidegate-request-id").to_owned();
    let elsewhere = trace(&cluster, namespace("shop"), &id).await.unwrap();
    assert_eq!((elsewhere.call, elsewhere.answered), (None, 2));
    let found = trace(&cluster, everywhere(), &id).await.unwrap();
    assert_eq!(found.call.unwrap().pod, "teller-1");
    let never = trace(&cluster, everywhere(), &"0".repeat(32)).await.unwrap();
    assert_eq!((never.call, never.answered), (None, 3));
    for wrong in ["", "1", &"g".repeat(32), &"0".repeat(33)] {
        assert_eq!(trace(&cluster, everywhere(), wrong).await.unwrap_err().code(), Code::InvalidArgument, "{wrong}");
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_of_a_prompt_or_of_an_answer_is_in_it() {
    let mut cluster = Cluster::simple().await;
    let request = sidegate_tests::client::post(
        "/v1/chat/completions",
        r#"{"model":"gpt-4o","messages":[{"role":"user","content":"canary-prompt-91c4"}],"user":"canary-user-91c4"}"#,
    );
    let answer = cluster.checkout.stage.call(request).await;
    cluster.checkout.stage.settled().await;
    let id = answer.header("x-sidegate-request-id");
    let traced = trace(&cluster, everywhere(), id).await.unwrap();
    let text = String::from_utf8(traced.call.unwrap().record.to_vec()).unwrap();
    assert!(text.contains(id) && !text.contains("91c4") && !text.contains("sim-key"), "{text}");
}

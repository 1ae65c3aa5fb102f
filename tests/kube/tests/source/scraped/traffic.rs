//! Calls of every outcome, again and again: answered whole and streamed, fallen back, refused, failed, broken off. Beside
//! them edits, of a policy and of a key.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use serde_json::{Value, json};
use sidegate_kube::objects;
use sidegate_testkit::sim::{Fault, Match, Rule};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::prometheus::send;
use crate::world::{World, secret};
use crate::{SOON, within};

/// What is asked for, whether as a stream, and the statuses that it may get.
const CALLS: [(&str, bool, &[u16]); 7] = [
    ("gpt-4o", false, &[200]),
    ("gpt-4o-mini", true, &[200]),
    ("fast", false, &[200]),
    ("gpt-4o-down", false, &[502, 503]),
    ("gpt-4o-cut", true, &[200]),
    ("gpt-4o-silent", false, &[200]),
    ("gpt-3.5-turbo", false, &[403]),
];

const TRACE: u128 = 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736;

const POLICIES: &str = r#"
apiVersion: sidegate.dev/v1alpha1
kind: AIPolicy
metadata: {name: checkout, namespace: shop}
spec:
  models: {deny: ["gpt-3.5*"]}
  routes:
  - name: fast
    matches: [{models: [fast]}]
    targets:
    - {provider: openai, namespace: sidegate-system, model: gpt-4o-flaky}
    - {provider: openai, namespace: sidegate-system, model: gpt-4o-mini, priority: 1}
  - name: named
    matches: [{models: [gpt-4o, gpt-4o-mini, gpt-4o-down, gpt-4o-cut, gpt-4o-silent]}]
    targets: [{provider: openai, namespace: sidegate-system}]
---
apiVersion: sidegate.dev/v1alpha1
kind: AIPolicy
metadata: {name: tried, namespace: shop}
spec:
  mode: DryRun
  models: {deny: [gpt-4o]}
"#;

/// Traffic that goes on until it is dropped.
pub struct Traffic {
    tasks: JoinSet<()>,
}

impl Traffic {
    /// Starts it, once the sidecar has the policies for it.
    pub async fn start(world: &World) -> Self {
        let fault = |fault: Value| serde_json::from_value::<Fault>(fault).unwrap();
        let for_model = |model: &str, what: Value| {
            Rule::always(fault(what)).matching(Match { model: Some(model.to_owned()), ..Match::default() })
        };
        world.sim.add_faults(vec![
            for_model(
                "gpt-4o",
                json!({"kind": "patch", "at": "/usage/prompt_tokens_details/cached_tokens", "value": 1}),
            ),
            for_model("gpt-4o-mini", json!({"kind": "pace", "ms": 2})),
            for_model("gpt-4o-flaky", json!({"kind": "status", "status": 500})),
            for_model("gpt-4o-down", json!({"kind": "status", "status": 503})),
            for_model("gpt-4o-cut", json!({"kind": "cut", "after_event": 2})),
            for_model("gpt-4o-silent", json!({"kind": "usage", "as": "missing"})),
        ]);
        objects::apply(&world.client, POLICIES).await;
        within(SOON, "the policies are in force", async || world.call("gpt-3.5-turbo").await == 403).await;
        let (at, client, mut tasks) = (world.calls, world.client.clone(), JoinSet::new());
        tasks.spawn(async move {
            loop {
                for (model, stream, expected) in CALLS {
                    let status = call(at, model, stream).await;
                    assert!(expected.contains(&status), "{model}: {status}");
                }
                sleep(Duration::from_millis(100)).await;
            }
        });
        tasks.spawn(async move {
            for edit in 0.. {
                secret(&client, "openai", ["sim-key-a", "sim-key-b"][edit % 2]).await;
                objects::apply(&client, &POLICIES.replace("gpt-3.5*", &format!("gpt-3.5*\", \"edited-{edit}"))).await;
                sleep(Duration::from_secs(2)).await;
            }
        });
        Self { tasks }
    }

    /// Every call got a status that it may get, and every edit was taken: neither task ends unless it fails.
    pub fn went_well(mut self) {
        if let Some(ended) = self.tasks.try_join_next() {
            ended.unwrap();
        }
    }

    /// The trace that the application is in, as exemplars tell it.
    pub fn trace_id(&self) -> String {
        format!("{TRACE:032x}")
    }
}

async fn call(at: SocketAddr, model: &str, stream: bool) -> u16 {
    let body = json!({"model": model, "stream": stream, "messages": [{"role": "user", "content": "hello"}]});
    let request = Request::post("/v1/chat/completions")
        .header("host", "localhost")
        .header("content-type", "application/json")
        .header("traceparent", format!("00-{TRACE:032x}-00f067aa0ba902b7-01"))
        .body(Full::new(Bytes::from(body.to_string())))
        .unwrap();
    send(at, request).await.map_or(0, |(status, _)| status)
}

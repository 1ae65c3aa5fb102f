//! Who is told the trace context, and who is not.

use sidegate_policy::{Glob, Snapshot};
use sidegate_tests::client::{chat, with};
use sidegate_tests::policy::ladder;
use sidegate_tests::{Answer, Stage};

use super::{Traced, all, spans};

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// The first provider is at that host.
fn at(host: &str) -> Snapshot {
    let mut policy = all(ladder(&[1]));
    policy.providers[0].endpoint.host = host.into();
    policy
}

async fn call(stage: &mut Stage) -> Answer {
    let request = with(chat("m", ""), "traceparent", PARENT);
    let request = with(with(request, "tracestate", "vendor=1"), "baggage", "user=CANARY");
    stage.call(request).await
}

/// A header of the last request that a provider saw.
fn seen(stage: &Stage, name: &str) -> String {
    stage.sim.bill().entries().last().and_then(|e| e.header(name).map(str::to_owned)).unwrap_or_default()
}

#[tokio::test]
async fn a_host_in_the_cluster_is_told_its_own_place_and_never_the_baggage() {
    let (mut traced, sink) = Traced::with_sink(at("vllm.ai.svc")).await;
    assert_eq!(call(&mut traced.stage).await.status, 200);
    let spans = spans(&sink, 2).await;
    let [server, client] = &spans[..] else { panic!("{spans:#?}") };
    let id = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
    assert_eq!(id(&server.trace_id), PARENT[3..35], "the caller's trace goes on");
    assert_eq!(id(&server.parent_span_id), PARENT[36..52]);
    assert_eq!(client.parent_span_id, server.span_id);
    let told = format!("00-{}-{}-01", id(&client.trace_id), id(&client.span_id));
    assert_eq!(seen(&traced.stage, "traceparent"), told, "below the attempt");
    assert_eq!(seen(&traced.stage, "tracestate"), "vendor=1");
    assert!(spans.iter().all(|s| s.trace_state == "vendor=1"));
    assert_eq!(seen(&traced.stage, "baggage"), "");
    assert_eq!(traced.stage.metric(r#"sidegate_stripped_headers_total{header="baggage"}"#), 1);
    assert_eq!(traced.stage.metric(r#"sidegate_stripped_headers_total{header="traceparent"}"#), 0);
}

#[tokio::test]
async fn a_host_outside_is_told_nothing_unless_policy_names_it() {
    let (mut traced, _sink) = Traced::with_sink(at("api.openai.com")).await;
    assert_eq!(call(&mut traced.stage).await.status, 200);
    for name in ["traceparent", "tracestate", "baggage"] {
        assert_eq!(seen(&traced.stage, name), "", "{name}");
    }
    assert_eq!(traced.stage.metric(r#"sidegate_stripped_headers_total{header="traceparent"}"#), 1);
    let mut named = at("api.openai.com");
    named.telemetry.traces.propagate_to = vec![Glob::parse("*.openai.com").unwrap()];
    traced.stage.arm(named);
    assert_eq!(call(&mut traced.stage).await.status, 200);
    assert_eq!(seen(&traced.stage, "traceparent")[..36], PARENT[..36]);
    assert_eq!(seen(&traced.stage, "baggage"), "");
}

#[tokio::test]
async fn an_unsampled_call_says_so_upstream() {
    let mut policy = at("vllm.ai.svc.cluster.local");
    policy.telemetry.traces.ratio = sidegate_policy::Ratio::NONE;
    let (mut traced, _sink) = Traced::with_sink(policy).await;
    let answer = traced.stage.call(chat("m", "")).await;
    let told = seen(&traced.stage, "traceparent");
    assert_eq!(&told[3..35], answer.header("x-sidegate-request-id"));
    assert!(told.ends_with("-00"), "{told}");
}

#[tokio::test(start_paused = true)]
async fn where_spans_go_nowhere_the_callers_own_context_passes_as_it_came() {
    let mut stage = Stage::with(at("vllm.ai.svc"));
    assert_eq!(call(&mut stage).await.status, 200);
    assert_eq!(seen(&stage, "traceparent"), PARENT);
    assert_eq!(seen(&stage, "tracestate"), "vendor=1");
    assert_eq!(seen(&stage, "baggage"), "");
    stage.call(chat("m", "")).await;
    assert_eq!(seen(&stage, "traceparent"), "", "nothing is made up");
}

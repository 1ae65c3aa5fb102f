//! What is taken of a head, and who is told.

use http::{HeaderMap, HeaderValue};
use sidegate_policy::Glob;
use sidegate_telemetry::TraceContext;

use super::{goes_to, parent, state, tell};

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn head(lines: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(*name, HeaderValue::from_str(value).unwrap());
    }
    headers
}

#[test]
fn a_context_is_told_as_it_was_read() {
    let headers = head(&[("traceparent", PARENT), ("tracestate", "a=1"), ("tracestate", " b=2 ")]);
    let context = parent(&headers).unwrap();
    let mut told = HeaderMap::new();
    tell(&context, state(&headers), &mut told);
    assert_eq!(told["traceparent"], PARENT);
    assert_eq!(told["tracestate"], "a=1,b=2");
    let unsampled = TraceContext { sampled: false, ..context };
    tell(&unsampled, None, &mut told);
    assert!(told["traceparent"].to_str().unwrap().ends_with("-00"));
}

#[test]
fn two_parents_are_none() {
    assert_eq!(parent(&head(&[("traceparent", PARENT), ("traceparent", PARENT)])), None);
    assert_eq!(parent(&head(&[("traceparent", "00-zz")])), None);
}

#[test]
fn a_state_that_is_too_long_or_none_does_not_go_on() {
    assert_eq!(state(&head(&[])), None);
    assert_eq!(state(&head(&[("tracestate", "")])), None);
    assert_eq!(state(&head(&[("tracestate", "no pair")])), None);
    assert_eq!(state(&head(&[("tracestate", &format!("a={}", "x".repeat(600)))])), None);
    let many: Vec<String> = (0..33).map(|n| format!("k{n}=v")).collect();
    assert_eq!(state(&head(&[("tracestate", &many.join(","))])), None);
    assert!(state(&head(&[("tracestate", &many[..32].join(","))])).is_some());
}

#[test]
fn hosts_in_the_cluster_and_named_ones_are_told_and_no_others() {
    let named = [Glob::parse("*.corp.example").unwrap(), Glob::parse("llm.example").unwrap()];
    for host in [
        "vllm.ai.svc",
        "vllm.ai.svc.cluster.local",
        "VLLM.ai.svc.cluster.local.",
        "localhost",
        "127.0.0.2",
        "::1",
        "[::1]",
    ] {
        assert!(goes_to(host, &[]), "{host}");
    }
    for host in ["a.corp.example", "llm.example", "LLM.example"] {
        assert!(goes_to(host, &named) && !goes_to(host, &[]), "{host}");
    }
    for host in ["api.openai.com", "svc.cluster.local.evil.example", "10.0.0.1", "corp.example", "xsvc", ""] {
        assert!(!goes_to(host, &named), "{host}");
    }
}

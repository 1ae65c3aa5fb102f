//! What a scraper gets of a running sidecar: bounded whatever is called, and in the form that it asks for.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderValue, Request};
use http_body_util::Full;
use sidegate_tests::client::{chat, generate, message, with};

use crate::http::{Connection, call, get};
use crate::{Apart, Provider};

/// What Prometheus sends, with and without native histograms.
const OPENMETRICS: &str = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
const PROTOBUF: &str = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited,application/openmetrics-text;version=1.0.0;q=0.8";

/// A route, a limit and a denial for each of many names, all of them known to the policy.
fn crowded() -> String {
    let objects = (0..200).map(|i| {
        format!(
            "apiVersion: sidegate.dev/v1alpha1\nkind: AIPolicy\nmetadata: {{name: p{i}, namespace: shop}}\nspec:\n  models: {{deny: [denied-{i}]}}\n  routes:\n  - {{name: r, matches: [{{models: [gpt-4o-known-{i}]}}], targets: [{{provider: openai, namespace: sidegate-system}}]}}\n---\n"
        )
    });
    objects.collect()
}

/// Requests that are as different from each other as an application can make them.
fn attack(i: usize) -> Vec<Request<Full<Bytes>>> {
    let odd = |request, header: &str| {
        let mut request = with(request, "x-request-id", &format!("id-{i}"));
        let name = http::HeaderName::from_bytes(format!("x-attack-{header}-{i}").as_bytes()).unwrap();
        request.headers_mut().insert(name, HeaderValue::from_static("1"));
        request
    };
    let mut path = chat("gpt-4o", "");
    *path.uri_mut() = format!("/v1/attack-{i}/completions").parse().unwrap();
    vec![
        odd(chat(&format!("gpt-4o-attack-{i}"), ""), "model"),
        odd(chat(&format!("gpt-4o-known-{i}"), r#","stream":true"#), "known"),
        chat(&format!("denied-{i}"), ""),
        message(&format!("claude-attack-{i}"), ""),
        generate(&format!("gemini-attack-{i}"), "generateContent"),
        odd(path, "path"),
    ]
}

async fn series(at: SocketAddr) -> BTreeSet<String> {
    let text = get(at, "/metrics").await.unwrap().text().to_owned();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.rsplit_once(' ').unwrap().0.to_owned()).collect()
}

#[tokio::test]
async fn ov9_no_attack_on_labels_makes_more_than_2000_series_of_a_running_sidecar() {
    let provider = Provider::start().await;
    let objects = provider.objects("sim-key-a");
    objects.write("crowd.yaml", crowded());
    let apart = Apart::start(&objects).await;
    let mut connection = Connection::open(apart.calls).await.unwrap();
    let mut made = 0;
    for i in 0..400 {
        for request in attack(i) {
            made += 1;
            if connection.call(request).await.is_err() {
                connection = Connection::open(apart.calls).await.unwrap();
            }
        }
    }
    let series = series(apart.health).await;
    assert!(series.len() <= 2_000, "{}", series.len());
    assert!(series.len() > 600, "{}: the attack reached the caps", series.len());
    assert!(series.iter().any(|s| s.contains("gen_ai_request_model=\"other\"")), "and names beyond them are other");
    assert!(!series.iter().any(|s| s.contains("attack-") || s.contains("id-")), "{series:#?}");
    let text = get(apart.health, "/metrics").await.unwrap().text().to_owned();
    let counted = text.lines().filter(|l| l.starts_with("sidegate_calls_total{"));
    let counted: u64 = counted.map(|l| l.rsplit_once(' ').unwrap().1.parse::<u64>().unwrap()).sum();
    assert_eq!(counted, made, "and no call went uncounted");
}

#[tokio::test]
async fn both_programs_tell_their_metrics_in_the_form_that_a_scraper_asks_for() {
    let provider = Provider::start().await;
    let apart = Apart::start(&provider.objects("sim-key-a")).await;
    let traced = with(chat("gpt-4o", ""), "traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    assert_eq!(call(apart.calls, traced).await.unwrap().status, 200);
    for (at, counter) in [(apart.health, "sidegate_calls"), (apart.control_health, "sidegate_control_pushes")] {
        for (accept, kind, line) in [
            ("", "text/plain; version=0.0.4", format!("# TYPE {counter}_total counter\n")),
            ("text/plain", "text/plain; version=0.0.4", format!("# TYPE {counter}_total counter\n")),
            (OPENMETRICS, "application/openmetrics-text; version=1.0.0", format!("# TYPE {counter} counter\n")),
            (PROTOBUF, "application/vnd.google.protobuf; proto=io.prometheus", format!("{counter}_total")),
        ] {
            let mut request = Request::get("/metrics").header("host", "localhost").body(Full::default()).unwrap();
            if !accept.is_empty() {
                request.headers_mut().insert("accept", HeaderValue::from_static(accept));
            }
            let answer = call(at, request).await.unwrap();
            assert!(answer.header("content-type").starts_with(kind), "{accept}: {}", answer.header("content-type"));
            assert!(String::from_utf8_lossy(&answer.body).contains(&line), "{accept}");
            assert_eq!(answer.body.ends_with(b"# EOF\n"), accept == OPENMETRICS, "{accept}");
            let exemplar = String::from_utf8_lossy(&answer.body).contains("0af7651916cd43dd8448eb211c80319c");
            assert_eq!(exemplar, at == apart.health && accept.contains("application"), "{accept}");
        }
    }
}

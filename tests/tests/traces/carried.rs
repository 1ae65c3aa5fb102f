//! How requests travel: by gRPC or HTTP, packed, with headers, over TLS.

use std::fs;
use std::path::PathBuf;

use sidegate_testkit::sink::{Mood, Sink, SinkTls};
use sidegate_tests::client::chat;
use sidegate_tests::objects::Folder;
use sidegate_tests::plane::within;
use sidegate_tests::policy::ladder;

use super::{SOON, Traced, all, spans, url};

async fn one_call(flags: &[&str], sink: &Sink) {
    let mut traced = Traced::under(all(ladder(&[1])), flags);
    assert_eq!(traced.stage.call(chat("m", "")).await.status, 200);
    assert_eq!(spans(sink, 2).await.len(), 2);
    traced.end().await;
}

#[tokio::test]
async fn by_grpc_with_headers_and_packed() {
    let sink = Sink::start().await.unwrap();
    let flags = ["--otlp-protocol", "grpc", "--otlp-headers", "x-tenant=a%20b", "--otlp-compression", "gzip"];
    one_call(&[&["--otlp-endpoint", &url(&sink)], &flags[..]].concat(), &sink).await;
    let taken = sink.taken().remove(0);
    assert!(taken.grpc && taken.gzip);
    assert_eq!(taken.path, "/opentelemetry.proto.collector.trace.v1.TraceService/Export");
    assert_eq!(taken.headers["x-tenant"], "a b");
}

#[tokio::test]
async fn by_http_with_headers_and_packed() {
    let sink = Sink::start().await.unwrap();
    let flags = ["--otlp-headers", "authorization=Bearer%20k", "--otlp-compression", "gzip"];
    one_call(&[&["--otlp-endpoint", &format!("{}/base", url(&sink))], &flags[..]].concat(), &sink).await;
    let taken = sink.taken().remove(0);
    assert!(!taken.grpc && taken.gzip);
    assert_eq!(taken.path, "/base/v1/traces");
    assert_eq!(taken.headers["authorization"], "Bearer k");
    assert_eq!(taken.headers["content-type"], "application/x-protobuf");
}

#[tokio::test]
async fn by_http_unpacked_to_an_endpoint_of_its_own() {
    let sink = Sink::start().await.unwrap();
    let own = format!("{}/own/place", url(&sink));
    one_call(&["--otlp-endpoint", "http://127.0.0.1:1", "--otlp-traces-endpoint", &own], &sink).await;
    let taken = sink.taken().remove(0);
    assert_eq!((taken.path.as_str(), taken.gzip), ("/own/place", false));
}

/// A directory with the certificates of a back-end.
struct Certificates {
    _folder: Folder,
    authority: String,
    client: String,
    key: String,
}

fn certificates(tls: &SinkTls) -> Certificates {
    let folder = Folder::new("otlp-tls");
    let file = |name: &str, text: &str| {
        let path: PathBuf = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let (authority, client) = (file("ca.pem", &tls.authority), file("client.pem", &tls.client));
    let key = file("client.key", &tls.client_key);
    Certificates { _folder: folder, authority, client, key }
}

#[tokio::test]
async fn over_tls_by_both_with_an_authority_of_its_own() {
    let tls = SinkTls::new(false).unwrap();
    let files = certificates(&tls);
    for protocol in ["grpc", "http/protobuf"] {
        let sink = Sink::at(([127, 0, 0, 1], 0).into(), Some(&tls)).await.unwrap();
        let to = format!("https://localhost:{}", sink.address().port());
        let flags = ["--otlp-endpoint", &to, "--otlp-protocol", protocol, "--otlp-certificate", &files.authority];
        one_call(&flags, &sink).await;
    }
}

#[tokio::test]
async fn over_mutual_tls_only_who_is_known_gets_in() {
    let tls = SinkTls::new(true).unwrap();
    let files = certificates(&tls);
    let sink = Sink::at(([127, 0, 0, 1], 0).into(), Some(&tls)).await.unwrap();
    let to = format!("https://127.0.0.1:{}", sink.address().port());
    let known = ["--otlp-client-certificate", &files.client, "--otlp-client-key", &files.key];
    let base = ["--otlp-endpoint", &to, "--otlp-protocol", "grpc", "--otlp-certificate", &files.authority];
    one_call(&[&base[..], &known[..]].concat(), &sink).await;
    let mut stranger = Traced::under(all(ladder(&[1])), &base);
    stranger.stage.call(chat("m", "")).await;
    stranger.end().await;
    assert_eq!(sink.spans().len(), 2, "the stranger's never came");
}

#[tokio::test]
async fn a_back_end_that_nobody_vouches_for_gets_nothing() {
    let tls = SinkTls::new(false).unwrap();
    let sink = Sink::at(([127, 0, 0, 1], 0).into(), Some(&tls)).await.unwrap();
    let to = format!("https://localhost:{}", sink.address().port());
    let mut traced = Traced::under(all(ladder(&[1])), &["--otlp-endpoint", &to]);
    traced.stage.call(chat("m", "")).await;
    traced.end().await;
    assert_eq!(sink.asked(), 0);
}

#[tokio::test]
async fn what_a_back_end_rejects_is_counted_and_the_rest_is_not() {
    let (mut traced, sink) = Traced::with_sink(all(ladder(&[1]))).await;
    sink.set(Mood::Rejects(1));
    traced.stage.call(chat("m", "")).await;
    spans(&sink, 2).await;
    let rejected = r#"sidegate_spans_dropped_total{reason="rejected"}"#;
    within(SOON, "the counts", || traced.stage.metric(rejected) == 1).await;
    assert_eq!(traced.stage.metric("sidegate_spans_exported_total"), 1);
}

#[tokio::test]
async fn a_back_end_that_comes_back_gets_what_waited() {
    for protocol in ["grpc", "http/protobuf"] {
        let sink = Sink::start().await.unwrap();
        let (at, to) = (sink.address(), url(&sink));
        let flags = ["--otlp-endpoint", &to, "--otlp-protocol", protocol];
        let mut traced = Traced::under(all(ladder(&[1])), &flags);
        traced.stage.call(chat("m", "")).await;
        spans(&sink, 2).await;
        drop(sink);
        traced.stage.call(chat("m", "")).await;
        tokio::time::sleep(std::time::Duration::from_millis(700)).await;
        let again = Sink::at(at, None).await.unwrap();
        assert_eq!(spans(&again, 2).await.len(), 2, "{protocol}");
        traced.end().await;
    }
}

//! How calls come in and go out: HTTP/1.1 and HTTP/2, plain and TLS, and where a connection is refused.

#![expect(clippy::unwrap_used, reason = "a helper of tests fails as a test does")]

use http_body_util::BodyExt;
use hyper_util::rt::{TokioExecutor, TokioIo};
use sidegate_policy::{Dialect, Endpoint, Network, Provider};
use sidegate_testkit::sim::TlsIdentity;
use sidegate_tests::client::chat;
use sidegate_tests::stage::Setting;
use sidegate_tests::{Answer, Stage, policy};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

fn over_the_network() -> Setting {
    Setting { network: true, ..Setting::default() }
}

fn at(host: &str, port: u16, tls: bool) -> Provider {
    let mut provider = policy::provider("openai", Dialect::OpenAi, 1);
    provider.endpoint = Endpoint { tls, host: host.into(), port, path: "/v1".into() };
    provider
}

/// A simulator over TLS, whose authority is returned.
async fn over_tls(stage: &Stage, tasks: &mut JoinSet<()>) -> (u16, String) {
    let identity = TlsIdentity::new(&[]).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sim, pem) = (stage.sim.clone(), identity.ca_pem().to_owned());
    tasks.spawn(async move { sim.serve_tls(listener, &identity).await });
    (port, pem)
}

#[tokio::test]
async fn http2_by_prior_knowledge_is_served_on_the_same_port() {
    let mut stage = Stage::set(over_the_network(), policy::snapshot(Vec::new()));
    let sim = stage.listen_sim().await;
    stage.arm(policy::snapshot(vec![at("127.0.0.1", sim.port(), false)]));
    let port = stage.listen().await;
    let io = TokioIo::new(TcpStream::connect(port).await.unwrap());
    let (mut sender, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await.unwrap();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move { drop(connection.await) });
    for more in ["", r#","stream":true"#] {
        let mut request = chat("gpt-4o-mini", more);
        *request.uri_mut() = format!("http://{port}/v1/chat/completions").parse().unwrap();
        request.headers_mut().remove("host");
        let answer = Answer::read(sender.send_request(request).await.unwrap()).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert!(answer.complete);
    }
}

#[tokio::test]
async fn a_provider_over_tls_is_trusted_by_its_own_authority_and_spoken_to_in_http2() {
    let mut stage = Stage::set(over_the_network(), policy::snapshot(Vec::new()));
    let mut tasks = JoinSet::new();
    let (port, pem) = over_tls(&stage, &mut tasks).await;
    let mut provider = at("localhost", port, true);
    provider.authorities = Some(pem.into());
    stage.arm(policy::snapshot(vec![provider]));
    for more in ["", r#","stream":true"#] {
        let answer = stage.call(chat("gpt-4o-mini", more)).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert!(answer.complete);
    }
    assert_eq!(stage.sim.bill().entries().len(), 2);
}

#[tokio::test]
async fn an_authority_that_is_not_trusted_gets_no_byte_of_the_key() {
    let mut stage = Stage::set(over_the_network(), policy::snapshot(Vec::new()));
    let mut tasks = JoinSet::new();
    let (port, _) = over_tls(&stage, &mut tasks).await;
    let mut provider = at("localhost", port, true);
    provider.authorities = Some(TlsIdentity::new(&[]).unwrap().ca_pem().into());
    stage.arm(policy::snapshot(vec![provider]));
    let answer = stage.call(chat("gpt-4o-mini", "")).await;
    assert_eq!(answer.status, 502);
    assert!(answer.text().contains("tls_untrusted"), "{}", answer.text());
    assert!(stage.sim.bill().entries().is_empty());
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused() {
    let mut stage = Stage::set(over_the_network(), policy::snapshot(Vec::new()));
    let mut tasks = JoinSet::new();
    let (port, pem) = over_tls(&stage, &mut tasks).await;
    let mut provider = at("127.0.0.2", port, true);
    provider.authorities = Some(pem.into());
    stage.arm(policy::snapshot(vec![provider]));
    let answer = stage.call(chat("gpt-4o-mini", "")).await;
    assert_eq!(answer.status, 502);
    let reason = answer.text();
    // 127.0.0.2 is nobody's on some hosts; where it is loopback, the name decides.
    assert!(reason.contains("tls_name") || reason.contains("connect_failed"), "{reason}");
}

#[tokio::test]
async fn a_private_address_is_refused_at_connect_time_unless_it_is_allowed() {
    let mut stage = Stage::set(over_the_network(), policy::snapshot(Vec::new()));
    let sim = stage.listen_sim().await;
    for host in ["127.0.0.1", "localhost"] {
        let mut provider = at(host, sim.port(), false);
        provider.network = Network { plaintext: true, private_addresses: false };
        stage.arm(policy::snapshot(vec![provider]));
        let answer = stage.call(chat("gpt-4o-mini", "")).await;
        assert_eq!(answer.status, 502, "{host}");
        assert!(answer.text().contains("address_not_allowed"), "{host}: {}", answer.text());
    }
    let mut provider = at("169.254.169.254", 80, false);
    provider.network = Network { plaintext: true, private_addresses: true };
    stage.arm(policy::snapshot(vec![provider]));
    assert!(stage.call(chat("gpt-4o-mini", "")).await.text().contains("address_not_allowed"));
    assert!(stage.sim.bill().entries().is_empty());
}

#[tokio::test]
async fn a_connection_is_used_again_for_the_next_call() {
    let mut stage = Stage::set(over_the_network(), policy::snapshot(Vec::new()));
    let sim = stage.listen_sim().await;
    stage.arm(policy::snapshot(vec![at("127.0.0.1", sim.port(), false)]));
    let mut connection = stage.connect().await;
    for more in ["", r#","stream":true"#, "", r#","stream":true"#] {
        let response = connection.send_request(chat("gpt-4o-mini", more)).await.unwrap();
        assert_eq!(response.status(), 200);
        let mut body = response.into_body();
        while let Some(frame) = body.frame().await {
            frame.unwrap();
        }
    }
    assert_eq!(stage.sim.bill().entries().len(), 4);
}

//! What each port and socket shows, and that there is no other.

use std::collections::BTreeSet;
use std::net::{Ipv6Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt;

use sidegate_tests::client::{chat, post};

use crate::http::{ask, call, get};
use crate::ports::listening;
use crate::{Apart, Provider};

/// What nobody serves where it should not be.
const OTHERS: [&str; 12] = [
    "/",
    "/status",
    "/calls",
    "/calls/1",
    "/admin",
    "/debug",
    "/debug/pprof/",
    "/config",
    "/policy",
    "/quitquitquit",
    "/v1/models/../../status",
    "/%73tatus",
];

#[tokio::test]
async fn the_health_port_has_health_readiness_and_metrics_and_nothing_else() {
    let provider = Provider::start().await;
    let apart = Apart::start(&provider.objects("sim-key-a")).await;
    for (at, metric) in
        [(apart.health, "sidegate_control_stream_up 1"), (apart.control_health, "sidegate_control_streams 1")]
    {
        assert_eq!(get(at, "/livez").await.unwrap().text(), "alive\n");
        let ready = get(at, "/readyz").await.unwrap();
        assert!(ready.status == 200 && ready.text().starts_with("ready"), "{}", ready.text());
        let metrics = get(at, "/metrics").await.unwrap();
        assert!(metrics.status == 200 && metrics.text().contains(metric), "{}", metrics.text());
        for path in OTHERS.iter().chain(&["/v1/models", "/v1/chat/completions", "/metrics/", "/livez/x"]) {
            assert_eq!(get(at, path).await.unwrap().status, 404, "{path}");
        }
        for path in ["/livez", "/metrics", "/v1/chat/completions"] {
            let answer = call(at, post(path, r#"{"model":"gpt-4o"}"#)).await.unwrap();
            assert_eq!(answer.status, 405, "{path}");
        }
    }
    assert!(provider.sim.bill().entries().is_empty());
}

#[tokio::test]
async fn the_admin_socket_tells_status_and_calls_and_no_port_does() {
    let provider = Provider::start().await;
    let apart = Apart::start(&provider.objects("sim-key-a")).await;
    let answer = call(apart.calls, chat("gpt-4o", "")).await.unwrap();
    let id = answer.header("x-sidegate-request-id").to_owned();
    let socket = apart.state.path().join("admin.sock");
    let status = ask(&socket, "/status").await.unwrap();
    assert_eq!(
        (status.status.as_u16(), &status.json()["ready"], &status.json()["connected"]),
        (200, &true.into(), &true.into())
    );
    assert_eq!(status.json()["policy"].as_str().map(str::len), Some(64), "{}", status.text());
    let calls = ask(&socket, "/calls").await.unwrap().json();
    assert_eq!(calls.as_array().map(Vec::len), Some(1), "{calls}");
    let one = ask(&socket, &format!("/calls/{id}")).await.unwrap();
    assert_eq!((one.status.as_u16(), one.json()), (200, calls[0].clone()));
    assert!(one.text().contains(&id) && one.text().contains("gpt-4o"), "{}", one.text());
    for path in ["/", "/calls/none", "/metrics", "/v1/models"] {
        assert_eq!(ask(&socket, path).await.unwrap().status, 404, "{path}");
    }
    let mode = std::fs::metadata(&socket).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "for the sidecar's own user alone");
    for path in OTHERS.iter().chain(&["/livez", "/readyz", "/metrics"]) {
        let answer = get(apart.calls, path).await.unwrap();
        assert!(answer.status == 404 && !answer.text().contains(&id), "{path}: {}", answer.text());
    }
}

#[tokio::test]
async fn the_sidecar_listens_on_loopback_and_where_it_was_told_and_nowhere_else() {
    let provider = Provider::start().await;
    let apart = Apart::start(&provider.objects("sim-key-a")).await;
    let v6 = SocketAddr::new(Ipv6Addr::LOCALHOST.into(), apart.calls.port());
    assert_eq!(call(v6, chat("gpt-4o", "")).await.unwrap().status, 200, "::1 serves too");
    assert_eq!(listening(apart.sidecar.pid()), BTreeSet::from([apart.calls, v6, apart.health]));
    let controller = BTreeSet::from([apart.control, apart.live, apart.control_health]);
    assert_eq!(listening(apart.controller.pid()), controller);
}

//! Control plane and sidecar as processes of their own, and the control plane killed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use sidegate_tests::client::chat;
use sidegate_tests::objects::{denying, secret};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::http::{Connection, call};
use crate::{Apart, Provider, SOON, control_plane, ended, sidecar};

/// Clients that call at the same time.
const CLIENTS: usize = 8;

#[tokio::test]
async fn no_call_fails_while_the_control_plane_is_killed_and_started_again() {
    let provider = Provider::start().await;
    let objects = provider.objects("sim-key-a");
    let mut apart = Apart::start(&objects).await;
    let (stop, answered, mut clients) =
        (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)), JoinSet::new());
    for client in 0..CLIENTS {
        let (at, stop, answered) = (apart.calls, stop.clone(), answered.clone());
        clients.spawn(async move {
            let mut connection = Connection::open(at).await.unwrap();
            let stream = if client % 2 == 0 { "" } else { r#","stream":true"# };
            while !stop.load(Ordering::Relaxed) {
                let answer = connection.call(chat("gpt-4o", stream)).await.unwrap();
                assert!(answer.status == 200 && answer.complete, "{}", answer.text());
                answered.fetch_add(1, Ordering::Relaxed);
                sleep(Duration::from_millis(2)).await;
            }
        });
    }
    let some = || answered.load(Ordering::Relaxed);
    sleep(Duration::from_millis(300)).await;
    apart.controller.crash();
    apart.ready("not connected").await;
    let before = some();
    sleep(Duration::from_secs(1)).await;
    assert!(some() > before + CLIENTS, "calls go on without it");
    objects.write("policy.yaml", denying("gpt-4o-mini"));
    objects.write("secret.yaml", secret("sim-key-b"));
    apart.controller = control_plane(&objects, [apart.control, apart.live, apart.control_health]);
    apart.ready("; connected").await;
    sleep(Duration::from_millis(500)).await;
    stop.store(true, Ordering::Relaxed);
    while let Some(client) = clients.join_next().await {
        client.unwrap();
    }
    let bill = provider.sim.bill().settled(some()).await;
    assert_eq!(bill.len(), some(), "every call was one request at the provider");
    assert!(bill.iter().all(|entry| entry.status == 200));
    // What was edited meanwhile holds now, the key too.
    assert_eq!(bill.last().unwrap().key.as_deref(), Some("b"));
    assert_eq!(call(apart.calls, chat("gpt-4o-mini", "")).await.unwrap().class(), "model_not_allowed");

    apart.sidecar.signal("TERM");
    assert_eq!(ended(&mut apart.sidecar, SOON).await, Some(0));
    let lines = std::fs::read_to_string(apart.state.path().join("audit.jsonl")).unwrap();
    assert_eq!(lines.lines().count(), some() + 1, "one line a call, and none is lost at the end");
}

#[tokio::test]
async fn a_sidecar_that_is_killed_starts_again_from_what_it_stored_while_the_control_plane_is_dead() {
    let provider = Provider::start().await;
    let objects = provider.objects("sim-key-a");
    objects.write("policy.yaml", denying("gpt-4o-mini"));
    let mut apart = Apart::start(&objects).await;
    assert_eq!(call(apart.calls, chat("gpt-4o", "")).await.unwrap().status, 200);
    apart.controller.crash();
    // Its admin socket stays behind and is taken over.
    apart.sidecar.crash();
    apart.sidecar = sidecar(&apart.state, apart.calls, apart.health, apart.control);
    apart.ready("ready with the stored policy").await;
    assert_eq!(call(apart.calls, chat("gpt-4o-mini", "")).await.unwrap().class(), "model_not_allowed");
    let refused = call(apart.calls, chat("gpt-4o", "")).await.unwrap();
    assert_eq!(refused.status, 503, "{}", refused.text());
    assert_eq!(refused.json()["error"]["sidegate"]["reason"], "no_credential", "{}", refused.text());

    apart.controller = control_plane(&objects, [apart.control, apart.live, apart.control_health]);
    apart.ready("ready with policy").await;
    assert_eq!(call(apart.calls, chat("gpt-4o", "")).await.unwrap().status, 200);
}

//! The rules of the objects on a real API server: each refuses what it is for, in words that help, takes what is
//! right, and says the same as the control plane, which checks again what it reads.

#![expect(clippy::unwrap_used, clippy::panic, reason = "what a test needs and does not get ends it")]

mod agreement;
mod case;
mod endpoints;
mod policies;
mod providers;
mod shown;
mod telemetry;
mod updates;

use std::sync::{Arc, Weak};
use std::time::Duration;

use kube::Client;
use serde_json::{Value, json};
use sidegate_kube::{ApiServer, objects};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};

/// The control plane's namespace.
const PLATFORM: &str = "sidegate-system";
/// A tenant's.
const SHOP: &str = "shop";

/// The server that tests share while any of them runs.
static SHARED: Mutex<Weak<ApiServer>> = Mutex::const_new(Weak::new());

/// A server with all that `sidegate crds` prints in force, and two namespaces.
async fn ready() -> (Arc<ApiServer>, Client) {
    let mut shared = SHARED.lock().await;
    if let Some(server) = shared.upgrade() {
        let client = server.client();
        return (server, client);
    }
    let server = Arc::new(ApiServer::start().await);
    let client = server.client();
    objects::apply_crds(&client).await;
    for manifest in sidegate_crds::manifests(PLATFORM).unwrap() {
        objects::apply_one(&client, &manifest).await.unwrap();
    }
    for name in [PLATFORM, SHOP] {
        objects::namespace(&client, name, &[]).await;
    }
    admission_holds(&client).await;
    *shared = Arc::downgrade(&server);
    (server, client)
}

/// Policies of admission take a moment to hold.
async fn admission_holds(client: &Client) {
    let deadline = Instant::now() + Duration::from_secs(30);
    for (kind, spec) in [
        ("AIProvider", json!({"dialect": "OpenAI", "network": {"plaintext": true}})),
        ("AIPolicy", json!({"namespaceSelector": {}})),
    ] {
        while objects::apply_one(client, &object(kind, SHOP, "probe", &spec)).await.is_ok() {
            assert!(Instant::now() < deadline, "the admission policy for {kind} does not hold");
            sleep(Duration::from_millis(50)).await;
        }
    }
}

fn object(kind: &str, namespace: &str, name: &str, spec: &Value) -> Value {
    json!({
        "apiVersion": sidegate_crds::API_VERSION,
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
    })
}

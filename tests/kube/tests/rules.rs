//! Rules.
#![expect(clippy::unwrap_used, reason = "what a test needs and does not get ends it")]
use sidegate_kube::{ApiServer, objects};
#[tokio::test]
async fn established() {
    let server = ApiServer::start().await;
    objects::apply_crds(&server.client()).await;
    println!("{}", String::from_utf8_lossy(&server.kubectl(&["explain", "aipolicy.spec.routes.targets"]).stdout));
    println!("{}", String::from_utf8_lossy(&server.kubectl(&["explain", "aiprovider.spec"]).stdout));
    println!(
        "{}",
        String::from_utf8_lossy(&server.kubectl(&["get", "crd", "aiproviders.sidegate.dev", "-o", "yaml"]).stdout)
    );
}

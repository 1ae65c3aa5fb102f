//! The API server that the other tests stand on: it is real, and it is the test's own.

#![expect(clippy::unwrap_used, reason = "what a test needs and does not get ends it")]

use k8s_openapi::api::authentication::v1::{TokenReview, TokenReviewSpec};
use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::api::{Api, ListParams, PostParams};
use kube::{Client, ResourceExt};
use sidegate_kube::{ApiServer, objects};

const AUDIENCE: &str = "sidegate";

async fn review(client: &Client, token: &str) -> TokenReview {
    let spec = TokenReviewSpec { token: Some(token.to_owned()), audiences: Some(vec![AUDIENCE.to_owned()]) };
    let review = TokenReview { spec, ..TokenReview::default() };
    Api::all(client.clone()).create(&PostParams::default(), &review).await.unwrap()
}

#[tokio::test]
async fn a_pods_token_names_its_pod() {
    let server = ApiServer::start().await;
    let client = server.client();
    objects::namespace(&client, "shop", &[("team", "shop")]).await;
    objects::service_account(&client, "shop", "web").await;
    let pod = objects::pod(&client, "shop", "web-1", "web", &[("app", "web")]).await;
    let token = objects::pod_token(&client, &pod, AUDIENCE).await;

    let status = review(&client, &token).await.status.unwrap();
    assert_eq!(status.authenticated, Some(true));
    let user = status.user.unwrap();
    assert_eq!(user.username.as_deref(), Some("system:serviceaccount:shop:web"));
    let extra = user.extra.unwrap();
    assert_eq!(extra["authentication.kubernetes.io/pod-name"], ["web-1"]);
    assert_eq!(extra["authentication.kubernetes.io/pod-uid"], [pod.uid().unwrap()]);
}

#[tokio::test]
async fn a_server_that_was_stopped_comes_back_with_what_it_had() {
    let server = ApiServer::start().await;
    let client = server.client();
    objects::namespace(&client, "shop", &[]).await;
    server.stop();
    let namespaces: Api<Namespace> = Api::all(client.clone());
    assert!(namespaces.get("shop").await.is_err());
    server.restart().await;
    assert_eq!(namespaces.get("shop").await.unwrap().name_any(), "shop");
}

#[tokio::test]
async fn rights_are_those_of_who_asks() {
    let server = ApiServer::start().await;
    let nobody = server.client_as("system:serviceaccount:shop:web", &["system:authenticated"]);
    let refused = Api::<Secret>::all(nobody).list(&ListParams::default()).await.unwrap_err();
    assert!(refused.to_string().contains("forbidden"), "{refused}");
    let unknown = server.client_with_token("nobody");
    let refused = Api::<Secret>::all(unknown).list(&ListParams::default()).await.unwrap_err();
    assert!(refused.to_string().contains("Unauthorized"), "{refused}");
}

//! Every case of the tables, asked of both.

use kube::api::{Api, ApiResource, DynamicObject, Patch, PatchParams};
use kube::{Client, Resource};
use serde::de::DeserializeOwned;
use serde_json::Value;
use sidegate_crds::{AIPolicy, AIProvider, Context, Invalid, validate, validate_policy};

use super::case::{Case, Verdict};
use super::{PLATFORM, endpoints, object, policies, providers, ready, telemetry};

/// What the server says of an object, without keeping it.
async fn online(client: &Client, case: &Case) -> Result<(), String> {
    let resource = match case.kind {
        "AIProvider" => ApiResource::erase::<AIProvider>(&()),
        _ => ApiResource::erase::<AIPolicy>(&()),
    };
    assert_eq!(resource.kind, case.kind);
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), case.namespace, &resource);
    let object = object(case.kind, case.namespace, "case", &case.spec);
    let dry = PatchParams::apply("tests").force().dry_run();
    match api.patch("case", &dry, &Patch::Apply(&object)).await {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) => Err(status.message.clone()),
        Err(other) => panic!("{other}"),
    }
}

/// What the control plane says of it.
fn offline(case: &Case) -> Result<(), String> {
    let context = Context { control_namespace: PLATFORM };
    let object = object(case.kind, case.namespace, "case", &case.spec);
    match case.kind {
        "AIProvider" => said(object, |provider: &AIProvider| validate(provider, &context)),
        _ => said(object, |policy: &AIPolicy| validate_policy(policy, &context)),
    }
}

fn said<K: Resource + DeserializeOwned>(
    object: Value,
    check: impl Fn(&K) -> Result<(), Vec<Invalid>>,
) -> Result<(), String> {
    let object: K = serde_json::from_value(object).map_err(|error| error.to_string())?;
    let lines = |found: Vec<Invalid>| found.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    check(&object).map_err(lines)
}

fn holds(said: &Result<(), String>, words: Option<&str>) -> bool {
    match (said, words) {
        (Ok(()), None) => true,
        (Err(said), Some(words)) => said.contains(words),
        _ => false,
    }
}

#[tokio::test]
async fn the_server_and_the_control_plane_say_the_same_of_every_object() {
    let (_server, client) = ready().await;
    let mut wrong = Vec::new();
    for case in
        providers::cases().into_iter().chain(endpoints::cases()).chain(policies::cases()).chain(telemetry::cases())
    {
        let (there, here) = match case.verdict {
            Verdict::Taken => (None, None),
            Verdict::Refused(words) => (Some(words), Some(words)),
            Verdict::RefusedApart(there, here) => (Some(there), Some(here)),
        };
        let (online, offline) = (online(&client, &case).await, offline(&case));
        if !holds(&online, there) || !holds(&offline, here) {
            wrong.push(format!("{case:?}\n  server: {online:?}\n  control plane: {offline:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What rules cost counts too: the server gives up on an object whose rules take too long.
#[tokio::test]
async fn objects_at_every_bound_are_taken() {
    let (_server, client) = ready().await;
    for case in [providers::largest(), policies::largest()] {
        assert_eq!(online(&client, &case).await, Ok(()), "{}", case.kind);
        assert_eq!(offline(&case), Ok(()), "{}", case.kind);
    }
}

//! Policies that lead nowhere, go away, or change faster than anybody could follow.

use std::time::Duration;

use sidegate_tests::client::{Answer, chat};
use sidegate_tests::objects::{OPENAI, denying, simple};
use sidegate_tests::plane::{in_force, within};
use tokio::time::sleep;

use crate::{SECOND, Whole};

/// Routes of the whole cluster, `MODEL` to the provider `PROVIDER`.
fn routes(routes: &[(&str, &str)]) -> String {
    let route = |(model, provider): &(&str, &str)| {
        format!(
            "  - {{name: {model}, matches: [{{models: [{model}]}}], targets: [{{provider: {provider}, model: gpt-4o}}]}}\n"
        )
    };
    let routes: String = routes.iter().map(route).collect();
    format!(
        "apiVersion: sidegate.dev/v1alpha1\nkind: AIPolicy\nmetadata: {{name: routes, namespace: sidegate-system}}\n\
         spec:\n  routes:\n{routes}"
    )
}

#[tokio::test(start_paused = true)]
async fn po2_a_reference_that_leads_nowhere_is_told_and_takes_out_its_own_route_alone() {
    let objects = simple();
    // Another provider of the dialect, whose Secret is missing.
    objects.write("bare.yaml", OPENAI.replace("name: openai,", "name: bare,"));
    objects.write("routes.yaml", routes(&[("fast", "openai"), ("lost", "nowhere"), ("poor", "bare")]));
    let mut whole = Whole::up(objects).await;
    let problems: Vec<String> = whole.plane.controller.problems().iter().map(ToString::to_string).collect();
    for told in [
        "routes.yaml:7: AIPolicy/sidegate-system/routes spec.routes[lost].targets[0].provider: there is no AIProvider nowhere",
        "AIProvider/sidegate-system/bare spec.credentials[main].secretRef: there is no Secret bare",
    ] {
        assert!(problems.iter().any(|p| p.contains(told)), "{told} is not in {problems:#?}");
    }
    assert_eq!(problems.len(), 2, "{problems:#?}");
    assert_eq!(whole.stage.call(chat("fast", "")).await.status, 200);
    for route in ["lost", "poor"] {
        let refused = whole.stage.call(chat(route, "")).await;
        let reason = refused.json()["error"]["sidegate"]["reason"].clone();
        assert_eq!((refused.status.as_u16(), reason), (503, "no_credential".into()), "{}", refused.text());
    }
    assert_eq!(whole.stage.trail(), ["openai/a 200"], "no other key, no other provider");
}

#[tokio::test(start_paused = true)]
async fn po7_a_policy_that_is_removed_while_streams_run_lets_them_finish() {
    let objects = simple();
    objects.write("routes.yaml", routes(&[("fast", "openai")]));
    let mut whole = Whole::up(objects).await;
    let running = whole.long_stream().await;
    whole.objects.remove("routes.yaml");
    whole.objects.remove("provider.yaml");
    assert!(whole.edited().await <= SECOND);
    assert_eq!(whole.stage.call(chat("gpt-4o", "")).await.class(), "model_not_allowed");
    let running = Answer::read(running).await;
    assert!(running.complete && running.events().last() == Some(&"[DONE]"), "{}", running.text());
    let lines = {
        whole.stage.settled().await;
        whole.stage.audit()
    };
    assert_eq!(lines.len(), 2);
    assert!(lines.iter().any(|line| line["cost_nanodollars"].as_u64() > Some(0)), "it is paid for: {lines:?}");
}

#[tokio::test(start_paused = true)]
async fn po8_a_hundred_edits_a_second_end_with_the_last_one_in_force() {
    let mut whole = Whole::up(simple()).await;
    for edit in 0..100 {
        whole.objects.write("policy.yaml", denying(&format!("gpt-4o-{}", edit % 7)));
        sleep(Duration::from_millis(10)).await;
    }
    whole.objects.write("policy.yaml", denying("gpt-4o-mini"));
    let newest = || whole.plane.controller.control().effective(&whole.stage.sidecar.caller).snapshot.version.clone();
    let last = || {
        whole.stage.sidecar.armed.load().as_ref().is_some_and(|armed| {
            armed.snapshot.deny.iter().any(|list| list.globs.iter().any(|glob| glob.matches("gpt-4o-mini")))
        })
    };
    within(SECOND, "the last edit is in force", || last() && in_force(&whole.stage) == *newest()).await;
    assert_eq!(whole.stage.call(chat("gpt-4o-mini", "")).await.class(), "model_not_allowed");
    assert_eq!(whole.stage.call(chat("gpt-4o", "")).await.status, 200);
}

//! From YAML to what a call meets.

use sidegate_tests::cable::Cable;
use sidegate_tests::client::{Answer, chat};
use sidegate_tests::feigned::Listener;
use sidegate_tests::objects::{KEYLESS, OPENAI, denying, secret, simple};
use sidegate_tests::plane::{Plane, in_force};
use sidegate_wire::v1::control_message::Message as Down;

use crate::{SECOND, Whole};

#[tokio::test(start_paused = true)]
async fn a_directory_of_yaml_becomes_a_call_that_is_answered() {
    let mut whole = Whole::up(simple()).await;
    let answer = whole.stage.call(chat("gpt-4o", "")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(whole.stage.trail(), ["openai/a 200"]);
    let (ready, words) = whole.linked.status.readiness();
    assert!(ready && words.contains("connected to the control plane"), "{words}");
}

#[tokio::test(start_paused = true)]
async fn keys_arrive_before_the_policy_that_needs_them() {
    let (objects, cable) = (simple(), Cable::default());
    let _plane = Plane::start(&objects, &cable);
    let mut listener = Listener::open(&cable, "shop").await;
    for providers in [1, 2] {
        let Some(Down::Credentials(keys)) = listener.hears().await else { panic!("no keys first") };
        assert_eq!(keys.credentials.len(), providers);
        let Some(Down::Policy(policy)) = listener.hears().await else { panic!("no policy after its keys") };
        let snapshot = sidegate_wire::decode_snapshot(&policy.version, &policy.snapshot).unwrap();
        assert_eq!(snapshot.providers.len(), providers);
        let second = OPENAI.replace("{name: openai, namespace", "{name: second, namespace");
        objects.write("second.yaml", second);
    }
    assert!(listener.hears().await.is_none(), "the same is not sent twice");
}

#[tokio::test(start_paused = true)]
async fn an_edit_is_in_force_within_a_second_and_running_streams_go_on() {
    let mut whole = Whole::up(simple()).await;
    let running = whole.long_stream().await;
    whole.objects.write("policy.yaml", denying("gpt-4o-mini"));
    assert!(whole.edited().await <= SECOND);
    let refused = whole.stage.call(chat("gpt-4o-mini", "")).await;
    assert_eq!((refused.status.as_u16(), refused.class()), (403, "model_not_allowed"));

    whole.objects.write("policy.yaml", denying("gpt-4o"));
    assert!(whole.edited().await <= SECOND);
    assert_eq!(whole.stage.call(chat("gpt-4o", "")).await.class(), "model_not_allowed");
    assert_eq!(whole.stage.call(chat("gpt-4o-mini", "")).await.status, 200);

    // What it would be refused now, it was allowed when it began.
    let running = Answer::read(running).await;
    assert!(running.complete && running.events().last() == Some(&"[DONE]"), "{}", running.text());
}

#[tokio::test(start_paused = true)]
async fn a_bad_object_is_refused_alone_with_file_line_and_reason_and_its_last_good_version_stays() {
    let objects = simple();
    objects.write("policy.yaml", denying("gpt-4o-mini"));
    let mut whole = Whole::up(objects).await;
    let both = format!("{}\n---\n{KEYLESS}", denying("gpt-4o-mini").replace("deny:", "denied:"));
    whole.objects.write("policy.yaml", both);
    // The good object of the same file is taken.
    assert!(whole.edited().await <= SECOND);
    assert_eq!(whole.stage.sidecar.armed.load().as_ref().unwrap().snapshot.providers.len(), 2);
    assert_eq!(whole.stage.call(chat("gpt-4o-mini", "")).await.class(), "model_not_allowed");

    let problems: Vec<String> = whole.plane.controller.problems().iter().map(ToString::to_string).collect();
    let [problem] = &problems[..] else { panic!("{problems:#?}") };
    let file = whole.objects.path().join("policy.yaml");
    assert!(problem.starts_with(&format!("{}:6: ", file.display())), "{problem}");
    assert!(problem.contains("AIPolicy/sidegate-system/cluster") && problem.contains("denied"), "{problem}");

    whole.objects.write("policy.yaml", format!("{}\n---\n{KEYLESS}", denying("gpt-4o")));
    whole.edited().await;
    assert_eq!(whole.stage.call(chat("gpt-4o", "")).await.class(), "model_not_allowed");
    assert!(whole.plane.controller.problems().is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_object_that_parses_and_breaks_a_rule_is_told_with_its_field() {
    let whole = Whole::up(simple()).await;
    let before = in_force(&whole.stage);
    whole.objects.write("provider.yaml", OPENAI.replace("http://openai.test/v1", "ftp://openai.test/v1"));
    tokio::time::sleep(SECOND).await;
    assert_eq!(in_force(&whole.stage), before);
    let problems: Vec<String> = whole.plane.controller.problems().iter().map(ToString::to_string).collect();
    let [problem] = &problems[..] else { panic!("{problems:#?}") };
    assert!(problem.contains("provider.yaml:7: AIProvider/sidegate-system/openai spec.endpoint"), "{problem}");
}

#[tokio::test(start_paused = true)]
async fn a_deleted_policy_is_gone() {
    let objects = simple();
    objects.write("policy.yaml", denying("gpt-4o"));
    let mut whole = Whole::up(objects).await;
    assert_eq!(whole.stage.call(chat("gpt-4o", "")).await.class(), "model_not_allowed");
    whole.objects.remove("policy.yaml");
    assert!(whole.edited().await <= SECOND);
    assert_eq!(whole.stage.call(chat("gpt-4o", "")).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn a_deleted_policy_is_gone_even_if_its_last_version_was_refused() {
    let objects = simple();
    objects.write("policy.yaml", denying("gpt-4o"));
    let mut whole = Whole::up(objects).await;
    whole.objects.write("policy.yaml", denying("gpt-4o").replace("spec:", "spec: ["));
    tokio::time::sleep(SECOND).await;
    assert_eq!(whole.stage.call(chat("gpt-4o", "")).await.class(), "model_not_allowed");
    whole.objects.remove("policy.yaml");
    whole.edited().await;
    assert_eq!(whole.stage.call(chat("gpt-4o", "")).await.status, 200);
    assert!(whole.plane.controller.problems().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_is_taken_reaches_the_control_plane_with_its_version() {
    let whole = Whole::up(simple()).await;
    let first = whole.plane.sidecar().unwrap();
    assert_eq!((&*first.policy, &first.refusal), (&*in_force(&whole.stage), &None));
    assert!(!first.credentials.is_empty());

    whole.objects.write("policy.yaml", denying("gpt-4o"));
    whole.edited().await;
    whole.in_step().await;
    let second = whole.plane.sidecar().unwrap();
    assert_ne!(second.policy, first.policy);
    assert_eq!(second.credentials, first.credentials, "the keys are the same");

    whole.objects.write("secret.yaml", secret("sim-key-b"));
    whole.rotated().await;
    let third = whole.plane.sidecar().unwrap();
    assert_ne!(third.credentials, second.credentials);
    assert_eq!(third.policy, second.policy, "the policy is the same");
}

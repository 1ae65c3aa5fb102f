//! What is told of calls: from YAML to the audit line of a call.

use bytes::Bytes;
use http::{HeaderValue, Request};
use http_body_util::Full;
use serde_json::{Value, json};
use sidegate_tests::client::chat;
use sidegate_tests::objects::{denying, simple};
use sidegate_tests::plane::in_force;
use sidegate_tests::stage::Setting;

use crate::{SECOND, Whole};

/// A policy of the shop that wants this told.
fn telling(telemetry: &str) -> String {
    format!(
        r#"
apiVersion: sidegate.dev/v1alpha1
kind: AIPolicy
metadata: {{name: told, namespace: shop}}
spec:
  telemetry: {telemetry}
"#
    )
}

const PURPOSE_AND_TEAM: &str = "{attributes: [{name: purpose, header: X-Purpose}, {name: team, label: team}]}";

fn with_purpose(model: &str, purpose: &[u8]) -> Request<Full<Bytes>> {
    let mut request = chat(model, "");
    request.headers_mut().insert("x-purpose", HeaderValue::from_bytes(purpose).unwrap());
    request
}

/// What the audit line of a call says of its attributes.
async fn told(whole: &mut Whole, request: Request<Full<Bytes>>) -> Value {
    whole.stage.call(request).await;
    whole.stage.line().await["attributes"].take()
}

fn of_team(team: &str) -> Setting {
    let mut setting = Setting::default();
    setting.caller.labels = [("team".to_owned(), team.to_owned())].into();
    setting
}

#[tokio::test(start_paused = true)]
async fn the_purpose_in_a_header_and_the_team_in_a_label_reach_the_audit_line() {
    let objects = simple();
    objects.write("told.yaml", telling(PURPOSE_AND_TEAM));
    objects.write("policy.yaml", denying("gpt-4o-mini"));
    let mut whole = Whole::set(objects, of_team("web")).await;
    let both = json!({"purpose": "refunds", "team": "web"});
    assert_eq!(told(&mut whole, with_purpose("gpt-4o", b"refunds")).await, both);
    assert_eq!(told(&mut whole, with_purpose("gpt-4o-mini", b"refunds")).await, both, "of a refused call too");
    assert_eq!(told(&mut whole, chat("gpt-4o", "")).await, json!({"team": "web"}));
    assert_eq!(whole.stage.trail(), ["openai/a 200", "openai/a 200"]);
    let sent = whole.stage.sim.bill().entries();
    assert!(sent.iter().all(|entry| entry.header("x-purpose").is_none()), "it is told here, and not to the provider");
}

#[tokio::test(start_paused = true)]
async fn what_an_application_says_of_itself_is_cut_and_cleaned_or_left_out() {
    let objects = simple();
    objects.write("told.yaml", telling(PURPOSE_AND_TEAM));
    let mut whole = Whole::up(objects).await;
    for (said, expected) in [
        ("größer\tals".as_bytes().to_vec(), json!({"purpose": "größerals"})),
        (b"\xff\xfe".to_vec(), Value::Null),
        (b"\t".to_vec(), Value::Null),
        (vec![b'x'; 1000], json!({"purpose": "x".repeat(128)})),
        (vec![b'x'; 2000], Value::Null),
        (br#"","cost":"free"#.to_vec(), json!({"purpose": r#"","cost":"free"#})),
    ] {
        assert_eq!(told(&mut whole, with_purpose("gpt-4o", &said)).await, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn an_edit_of_what_is_told_is_in_force_within_a_second_and_without_a_policy_nothing_is() {
    let mut whole = Whole::set(simple(), of_team("web")).await;
    assert_eq!(told(&mut whole, with_purpose("gpt-4o", b"refunds")).await, Value::Null);
    whole.objects.write("told.yaml", telling(PURPOSE_AND_TEAM));
    assert!(whole.edited().await <= SECOND);
    let team = json!({"team": "web"});
    assert_eq!(told(&mut whole, chat("gpt-4o", "")).await, team);

    let before = in_force(&whole.stage);
    whole.objects.write("told.yaml", telling("{attributes: [{name: key, header: x-api-key}]}"));
    tokio::time::sleep(SECOND).await;
    assert_eq!(in_force(&whole.stage), before, "a header with a key is refused, and the last good version stays");
    let problems: Vec<String> = whole.plane.controller.problems().iter().map(ToString::to_string).collect();
    assert!(problems[0].contains("spec.telemetry.attributes[key].header: must not be a header with a"), "{problems:?}");
    assert_eq!(told(&mut whole, chat("gpt-4o", "")).await, team);

    whole.objects.remove("told.yaml");
    assert!(whole.edited().await <= SECOND);
    assert_eq!(told(&mut whole, chat("gpt-4o", "")).await, Value::Null);
}

#[tokio::test(start_paused = true)]
async fn what_a_policy_says_of_traces_and_content_is_what_the_sidecar_has() {
    let objects = simple();
    let said = r#"{traces: {ratio: "0.25", always: [Error], slowOver: 2s, propagateTo: ["*.example.com"]}, content: {capture: Full, maxBytes: 100}}"#;
    objects.write("told.yaml", telling(said));
    let whole = Whole::up(objects).await;
    let armed = whole.stage.sidecar.armed.load_full().unwrap();
    let telemetry = &armed.snapshot.telemetry;
    let (traces, content) = (&telemetry.traces, &telemetry.content);
    assert_eq!((traces.ratio.to_string(), traces.slow_over.as_secs()), ("0.25".to_owned(), 2));
    assert!(traces.always.error && !traces.always.first);
    assert!(traces.propagate_to[0].matches("api.example.com") && !traces.propagate_to[0].matches("example.com"));
    assert_eq!((content.capture, content.max_bytes), (true, 100));
}

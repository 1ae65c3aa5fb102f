//! A call's way through the whole sidecar, in memory, with time paused.

use sidegate_policy::Dialect;
use sidegate_testkit::sim::{Fault, Rule};
use sidegate_tests::client::{chat, post};
use sidegate_tests::policy::{ladder, list};
use sidegate_tests::{Stage, policy};

#[tokio::test(start_paused = true)]
async fn a_call_is_answered_with_the_providers_own_bytes() {
    let mut stage = Stage::simple();
    let answer = stage.call(chat("gpt-4o-mini", "")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json()["object"], "chat.completion");
    assert_eq!(answer.header("x-sidegate-request-id").len(), 32);
    let bill = stage.sim.bill().entries();
    assert_eq!(bill.len(), 1);
    let audit = stage.audit();
    assert_eq!(audit.len(), 1, "{audit:?}");
    println!("{}", audit[0]);
}

#[tokio::test(start_paused = true)]
async fn a_deployment_in_the_path_is_the_model_that_is_asked_for() {
    for said in ["", r#""model":null,"#, r#""model":"gpt-5","#] {
        let mut stage = Stage::simple();
        let body = format!(r#"{{{said}"messages":[{{"role":"user","content":"hello"}}]}}"#);
        let path = "/openai/deployments/gpt-4o-mini/chat/completions?api-version=2025-04-01-preview";
        let answer = stage.call(post(path, body)).await;
        assert_eq!(answer.status, 200, "{said}: {}", answer.text());
        assert_eq!(answer.json()["model"], "gpt-4o-mini", "{said}: the provider reads it in the body");
        assert_eq!(stage.line().await["model"], "gpt-4o-mini", "{said}");
    }
}

#[tokio::test(start_paused = true)]
async fn no_body_gets_around_the_lists_of_models() {
    let mut policy = ladder(&[1]);
    policy.deny.push(list(&["never-*"]));
    let mut stage = Stage::with(policy.sealed());
    for said in [r#""models":["never-2"]"#, r#""fallbacks":[{"model":"never-2"}]"#, r#""fallbacks":"default""#] {
        let answer = stage.call(chat("m", &format!(",{said}"))).await;
        assert_eq!((answer.status.as_u16(), answer.class()), (403, "model_not_allowed"), "{said}: {}", answer.text());
        assert_eq!(stage.line().await["refused_by"], "AIPolicy/sidegate-system/cluster spec.models", "{said}");
    }
    assert!(stage.sim.bill().entries().is_empty(), "the provider has seen none of them");
    assert_eq!(stage.call(chat("m", r#","fallbacks":["other"]"#)).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn a_gemini_array_that_breaks_off_between_elements_stays_readable_up_to_there() {
    let gemini = policy::provider("gemini", Dialect::Gemini, 1);
    let mut stage = Stage::with(policy::snapshot(vec![gemini]));
    stage.sim.add_faults(vec![Rule::always(Fault::Cut { at_byte: None, after_event: Some(1), reset: false })]);
    let body = r#"{"contents":[{"role":"user","parts":[{"text":"one two three four"}]}]}"#;
    let answer = stage.call(post("/v1beta/models/gemini-2.5-flash:streamGenerateContent", body)).await;
    assert!(!answer.complete, "{}", answer.text());
    // What came is a list of whole elements, the last of which is the error: only its bracket is missing.
    let elements: Vec<serde_json::Value> =
        serde_json::from_str(&format!("{}]", answer.text().trim_end_matches(']'))).unwrap();
    assert!(elements.last().is_some_and(|last| last["error"]["message"].is_string()), "{}", answer.text());
}

//! What an answer says to whoever may not read everything.

use crate::stage::{Stage, json, sidegate};

const ASKED: [&str; 4] = ["explain", "pod/checkout-5d8f-x", "--model", "fast"];

#[tokio::test]
async fn a_developer_of_one_namespace_is_told_what_is_missing_from_the_answer() {
    let stage = Stage::new().await;
    let dora = stage.user("dora", &["shop"]).await;
    let answer = json(&dora, &ASKED);
    assert_eq!(answer["complete"], false, "{answer}");
    assert_eq!(answer["rule"]["name"], "checkout", "what may be seen is explained: {answer}");
    let notes = answer["notes"].to_string();
    for hidden in ["AIProviders in sidegate-system", "AIPolicies in sidegate-system"] {
        assert!(notes.contains(hidden), "{hidden}: {notes}");
    }
    assert!(!notes.contains("Namespace/shop"), "nothing that she sees selects namespaces: {notes}");
    let ended = sidegate(&dora, &ASKED);
    assert_eq!(ended.code, 77, "{}", ended.err);
    assert!(ended.out.contains("INCOMPLETE"), "{}", ended.out);
    let ended = sidegate(&dora, &["effective", "pod/checkout-5d8f-x"]);
    assert!(ended.code == 77 && ended.out.contains("INCOMPLETE"), "{}{}", ended.out, ended.err);

    // The same user with the right to read there: nothing is missing.
    let ellen = stage.user("ellen", &["shop", "sidegate-system"]).await;
    let notes = json(&ellen, &ASKED)["notes"].to_string();
    assert!(notes.contains("Namespace/shop"), "a provider selects namespaces by label: {notes}");
    stage.may_read_labels("ellen").await;
    let answer = json(&ellen, &ASKED);
    assert_eq!((&answer["complete"], &answer["notes"]), (&true.into(), &serde_json::json!([])), "{answer}");
    assert_eq!(answer["outcome"], "go");
    let providers: Vec<&str> =
        answer["targets"].as_array().unwrap().iter().map(|t| t["provider"].as_str().unwrap()).collect();
    assert_eq!(providers, ["sidegate-system/openai", "sidegate-system/backup"], "the label of the namespace counts");
    assert_eq!(sidegate(&ellen, &ASKED).code, 0);

    let nobody = stage.user("nobody", &[]).await;
    let ended = sidegate(&nobody, &ASKED);
    assert_eq!((ended.code, &*ended.out), (77, ""), "{}", ended.err);
    assert!(ended.err.contains("you may not read Pod/shop/checkout-5d8f-x"), "{}", ended.err);
    let stranger = stage.kubeconfig("stranger", "no-token");
    let ended = sidegate(&stranger, &ASKED);
    assert!(ended.code == 77 && ended.err.contains("does not know you"), "{} {}", ended.code, ended.err);
}

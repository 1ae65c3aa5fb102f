use std::sync::Arc;

use super::*;

fn offers() -> [Offer; 2] {
    ["gpt-4o", "fast"].map(|name| Offer { name: Arc::from(name), provider: Arc::from("ai/openai") })
}

fn parsed(bytes: &Bytes) -> Value {
    serde_json::from_slice(bytes).expect("JSON")
}

#[test]
fn openai_lists_objects() {
    let list = parsed(&list(Dialect::OpenAi, &offers()));
    assert_eq!(list["object"], "list");
    let wanted = json!({"id": "fast", "object": "model", "created": 0, "owned_by": "ai/openai"});
    assert_eq!(list["data"][1], wanted);
    assert_eq!(parsed(&one(Dialect::OpenAi, &offers()[1])), wanted);
}

#[test]
fn anthropic_lists_a_page_that_is_the_last() {
    let page = parsed(&list(Dialect::Anthropic, &offers()));
    assert_eq!(
        (&page["has_more"], &page["first_id"], &page["last_id"]),
        (&json!(false), &json!("gpt-4o"), &json!("fast"))
    );
    assert_eq!(page["data"][0]["type"], "model");
    assert_eq!(page["data"][0]["created_at"], "1970-01-01T00:00:00Z");
    let empty = parsed(&list(Dialect::Anthropic, &[]));
    assert_eq!((&empty["data"], &empty["first_id"]), (&json!([]), &Value::Null));
}

#[test]
fn gemini_names_models_by_their_path() {
    let list = parsed(&list(Dialect::Gemini, &offers()));
    assert_eq!(list["models"][0]["name"], "models/gpt-4o");
    assert_eq!(list["models"][0]["supportedGenerationMethods"][0], "generateContent");
}

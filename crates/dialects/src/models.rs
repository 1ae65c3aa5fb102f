//! The models list of a dialect, as its SDKs parse it.
//!
//! What the snapshot does not know (when a model was made, what it is called in prose) is said in the neutral
//! value that the SDKs accept, never invented.

use bytes::Bytes;
use serde_json::{Value, json};
use sidegate_policy::Dialect;
use sidegate_policy::offers::Offer;

/// A time that says nothing, where a dialect demands one.
const NO_TIME: &str = "1970-01-01T00:00:00Z";

/// All models that are offered.
#[must_use]
pub fn list(dialect: Dialect, offers: &[Offer]) -> Bytes {
    let data: Vec<Value> = offers.iter().map(|offer| entry(dialect, offer)).collect();
    let list = match dialect {
        Dialect::OpenAi => json!({"object": "list", "data": data}),
        Dialect::Anthropic => {
            let id = |offer: Option<&Offer>| offer.map(|o| o.name.to_string());
            json!({"data": data, "has_more": false, "first_id": id(offers.first()), "last_id": id(offers.last())})
        }
        Dialect::Gemini => json!({"models": data}),
    };
    list.to_string().into()
}

/// One model.
#[must_use]
pub fn one(dialect: Dialect, offer: &Offer) -> Bytes {
    entry(dialect, offer).to_string().into()
}

fn entry(dialect: Dialect, offer: &Offer) -> Value {
    let (name, provider) = (&*offer.name, &*offer.provider);
    match dialect {
        Dialect::OpenAi => json!({"id": name, "object": "model", "created": 0, "owned_by": provider}),
        Dialect::Anthropic => json!({"type": "model", "id": name, "display_name": name, "created_at": NO_TIME}),
        Dialect::Gemini => json!({
            "name": format!("models/{name}"),
            "displayName": name,
            "description": format!("served by {provider}"),
            "supportedGenerationMethods": ["generateContent", "streamGenerateContent", "countTokens"],
        }),
    }
}

#[cfg(test)]
mod tests;

//! The dialects and operations that the simulator knows, and where they live.
//!
//! Paths are the providers' own, with their real prefixes and nothing more
//! lenient: a sidecar that joins a path wrongly gets its 404.

use http::Method;
use serde::Serialize;

/// Whose language a request speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dialect {
    /// OpenAI, and the vendors that speak like it.
    OpenAi,
    /// Anthropic.
    Anthropic,
    /// Google's Gemini API.
    Gemini,
}

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Chat: chat completions, messages, `generateContent`.
    Chat,
    /// OpenAI's responses.
    Responses,
    /// OpenAI's old text completions.
    Completions,
    /// Embeddings of one or more inputs.
    Embeddings,
    /// Gemini's `batchEmbedContents`.
    BatchEmbeddings,
    /// How many tokens a prompt has; costs nothing.
    CountTokens,
    /// The list of models.
    ListModels,
    /// One model.
    GetModel,
}

/// Where a request is addressed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub dialect: Dialect,
    pub operation: Operation,
    /// The model, where the path names it.
    pub model: Option<String>,
    /// Whether the path itself asks for a stream (Gemini).
    pub stream: bool,
}

impl Place {
    fn new(dialect: Dialect, operation: Operation) -> Self {
        Self { dialect, operation, model: None, stream: false }
    }

    fn with_model(mut self, model: &str) -> Self {
        self.model = Some(model.replace("%3A", ":").replace("%2F", "/"));
        self
    }
}

/// Prefixes under which OpenAI and the vendors that speak like it answer.
const OPENAI_ROOTS: [&str; 5] = ["/v1beta/openai/", "/openai/v1/", "/api/v1/", "/api/v3/", "/v1/"];

/// The place of a method and path, or none. `anthropic` says whether the
/// request carries Anthropic's version header, which tells the two owners of
/// `/v1/models` apart.
pub(crate) fn place(method: &Method, path: &str, anthropic: bool) -> Option<Place> {
    if let Some(rest) = path.strip_prefix("/openai/deployments/") {
        let (deployment, rest) = rest.split_once('/')?;
        return openai(method, rest).map(|place| place.with_model(deployment));
    }
    if let Some(rest) = path.strip_prefix("/v1/")
        && let Some(place) = anthropic_place(method, rest, anthropic)
    {
        return Some(place);
    }
    let root = OPENAI_ROOTS.iter().find_map(|root| path.strip_prefix(root));
    if let Some(place) = root.and_then(|rest| openai(method, rest)) {
        return Some(place);
    }
    let rest = path.strip_prefix("/v1beta/")?;
    gemini(method, rest)
}

fn openai(method: &Method, rest: &str) -> Option<Place> {
    let at = |operation| Some(Place::new(Dialect::OpenAi, operation));
    match (method.as_str(), rest) {
        ("POST", "chat/completions") => at(Operation::Chat),
        ("POST", "responses") => at(Operation::Responses),
        ("POST", "responses/input_tokens") => at(Operation::CountTokens),
        ("POST", "embeddings") => at(Operation::Embeddings),
        ("POST", "completions") => at(Operation::Completions),
        ("GET", "models") => at(Operation::ListModels),
        ("GET", _) => {
            let model = rest.strip_prefix("models/")?;
            Some(Place::new(Dialect::OpenAi, Operation::GetModel).with_model(model))
        }
        _ => None,
    }
}

fn anthropic_place(method: &Method, rest: &str, versioned: bool) -> Option<Place> {
    let at = |operation| Some(Place::new(Dialect::Anthropic, operation));
    match (method.as_str(), rest) {
        ("POST", "messages") => at(Operation::Chat),
        ("POST", "messages/count_tokens") => at(Operation::CountTokens),
        ("GET", "models") if versioned => at(Operation::ListModels),
        ("GET", _) if versioned => {
            let model = rest.strip_prefix("models/")?;
            Some(Place::new(Dialect::Anthropic, Operation::GetModel).with_model(model))
        }
        _ => None,
    }
}

fn gemini(method: &Method, rest: &str) -> Option<Place> {
    if method == Method::GET && rest == "models" {
        return Some(Place::new(Dialect::Gemini, Operation::ListModels));
    }
    let rest = rest.strip_prefix("models/")?;
    if method == Method::GET {
        return Some(Place::new(Dialect::Gemini, Operation::GetModel).with_model(rest));
    }
    let (model, verb) = rest.rsplit_once(':')?;
    let operation = match verb {
        "generateContent" | "streamGenerateContent" => Operation::Chat,
        "countTokens" => Operation::CountTokens,
        "embedContent" => Operation::Embeddings,
        "batchEmbedContents" => Operation::BatchEmbeddings,
        _ => return None,
    };
    let mut place = Place::new(Dialect::Gemini, operation).with_model(model);
    place.stream = verb == "streamGenerateContent";
    Some(place)
}

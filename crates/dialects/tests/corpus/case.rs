//! One recorded exchange.

use std::path::{Path, PathBuf};

use serde_json::Value;
use sidegate_policy::{Dialect, Operation};

/// A recorded exchange, as far as it is replayed.
pub struct Case {
    /// `provider/case`
    pub name: String,
    pub provider: String,
    /// The corpus's word for the dialect, for example `openai.chat`.
    pub dialect: String,
    pub meta: Value,
    pub request: Option<Value>,
    pub answer: Vec<u8>,
    pub is_stream: bool,
}

impl Case {
    /// All cases in a folder, by name.
    pub fn all(folder: &Path) -> Vec<Self> {
        let mut paths: Vec<PathBuf> = children(folder).iter().flat_map(|p| children(p)).collect();
        paths.sort();
        paths.iter().filter_map(|p| Self::read(p)).collect()
    }

    fn read(path: &Path) -> Option<Self> {
        let json = |name: &str| -> Option<Value> {
            let bytes = std::fs::read(path.join(name)).ok()?;
            Some(serde_json::from_slice(&bytes).unwrap_or(Value::Null))
        };
        let meta = json("meta.json")?;
        let file = meta["response_file"].as_str()?;
        let text = |key: &str| meta[key].as_str().unwrap_or_default().to_owned();
        let folder = path.parent()?.file_name()?.to_string_lossy().into_owned();
        Some(Self {
            name: format!("{folder}/{}", path.file_name()?.to_string_lossy()),
            provider: folder,
            dialect: text("dialect"),
            request: json("request.json"),
            answer: std::fs::read(path.join(file)).ok()?,
            is_stream: file == "stream.sse",
            meta,
        })
    }

    /// What speaks this dialect here; none where none does yet.
    pub fn spoken(&self) -> Option<(Dialect, Operation)> {
        let batch = self.text("endpoint").contains("batchEmbedContents");
        Some(match self.dialect.as_str() {
            "openai.chat" => (Dialect::OpenAi, Operation::ChatCompletions),
            "openai.responses" => (Dialect::OpenAi, Operation::Responses),
            "openai.completions" => (Dialect::OpenAi, Operation::Completions),
            "openai.embeddings" => (Dialect::OpenAi, Operation::Embeddings),
            "openai.models" => (Dialect::OpenAi, Operation::ListModels),
            "anthropic.messages" => (Dialect::Anthropic, Operation::Messages),
            "anthropic.count_tokens" => (Dialect::Anthropic, Operation::CountTokens),
            "gemini.generate" => (Dialect::Gemini, Operation::GenerateContent),
            "gemini.count_tokens" => (Dialect::Gemini, Operation::CountTokens),
            "gemini.embed" if batch => (Dialect::Gemini, Operation::BatchEmbedContents),
            "gemini.embed" => (Dialect::Gemini, Operation::EmbedContent),
            _ => return None,
        })
    }

    /// Why nobody here speaks it yet.
    pub fn waits_for(&self) -> &'static str {
        match self.dialect.as_str() {
            d if d.starts_with("bedrock") => "the Converse dialect",
            d if d.starts_with("cohere") => "the Cohere dialect",
            d if d.starts_with("ollama") => "the Ollama dialect",
            "openai.images" => "images",
            "anthropic.complete" => "nothing: the old completions are not served",
            _ => "nothing: not an operation of an SDK's call",
        }
    }

    pub fn text(&self, key: &str) -> &str {
        self.meta[key].as_str().unwrap_or_default()
    }

    pub fn is_trusted(&self) -> bool {
        !self.meta["expected_trust"].as_str().is_some_and(|t| t.starts_with("low"))
    }
}

fn children(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    entries.filter_map(|e| Some(e.ok()?.path())).filter(|p| p.is_dir()).collect()
}

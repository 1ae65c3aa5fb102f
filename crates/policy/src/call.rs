//! One call as the sidecar understood it: what was asked for, in which language, and how much it may take.
//!
//! The bytes of the body are not here: they are forwarded as they came, and whoever needs to know where in
//! them a field stands keeps that beside the call.

#[cfg(test)]
mod tests;

use std::sync::Arc;

/// The language that a caller speaks, or that a provider understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Dialect {
    /// `OpenAI`'s API, and everyone who copies it.
    OpenAi,
    /// Anthropic's Messages API.
    Anthropic,
    /// Google's Gemini API.
    Gemini,
}

impl Dialect {
    /// All dialects, in a fixed order.
    pub const ALL: [Self; 3] = [Self::OpenAi, Self::Anthropic, Self::Gemini];

    /// The name as it stands in an `AIProvider`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OpenAi => "OpenAI",
            Self::Anthropic => "Anthropic",
            Self::Gemini => "Gemini",
        }
    }
}

/// What a call does, told by its path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Operation {
    /// `OpenAI` `POST /chat/completions`
    ChatCompletions,
    /// `OpenAI` `POST /responses`
    Responses,
    /// `OpenAI` `POST /responses/input_tokens`
    InputTokens,
    /// `OpenAI` `POST /embeddings`
    Embeddings,
    /// `OpenAI` `POST /completions`
    Completions,
    /// Anthropic `POST /messages`
    Messages,
    /// Anthropic `POST /messages/count_tokens`, Gemini `:countTokens`
    CountTokens,
    /// Gemini `:generateContent` and `:streamGenerateContent`
    GenerateContent,
    /// Gemini `:embedContent`
    EmbedContent,
    /// Gemini `:batchEmbedContents`
    BatchEmbedContents,
    /// `GET /models` of any dialect, answered by the sidecar itself
    ListModels,
    /// `GET /models/{model}` of any dialect, answered by the sidecar itself
    GetModel,
}

impl Operation {
    /// The name in metrics, spans and audit lines.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ChatCompletions => "chat_completions",
            Self::Responses => "responses",
            Self::InputTokens => "input_tokens",
            Self::Embeddings => "embeddings",
            Self::Completions => "completions",
            Self::Messages => "messages",
            Self::CountTokens => "count_tokens",
            Self::GenerateContent => "generate_content",
            Self::EmbedContent => "embed_content",
            Self::BatchEmbedContents => "batch_embed_contents",
            Self::ListModels => "list_models",
            Self::GetModel => "get_model",
        }
    }

    /// Whether the answer is generated token by token.
    #[must_use]
    pub fn generates(self) -> bool {
        matches!(
            self,
            Self::ChatCompletions | Self::Responses | Self::Completions | Self::Messages | Self::GenerateContent
        )
    }

    /// Whether the providers take money for it: counting tokens and listing models are free of charge.
    #[must_use]
    pub fn is_billed(self) -> bool {
        !matches!(self, Self::InputTokens | Self::CountTokens | Self::ListModels | Self::GetModel)
    }
}

/// How the caller wants the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Streaming {
    /// One JSON body.
    No,
    /// Server-sent events.
    Sse,
    /// One JSON array, element by element (Gemini without `alt=sse`).
    JsonArray,
}

impl Streaming {
    /// Whether the answer comes in events.
    #[must_use]
    pub fn is_streamed(self) -> bool {
        self != Self::No
    }
}

/// What bounds the tokens of a call before its usage is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Bounds {
    /// Bytes of the request body. Text never has more tokens than bytes.
    pub body_bytes: u64,
    /// Turns, items or texts in the body: each costs a few tokens of framing.
    pub parts: u32,
    /// The caller's own limit on generated tokens, per choice.
    pub max_output: Option<u64>,
    /// Choices asked for (`n`, `candidateCount`, or the larger `best_of`); at least 1.
    pub choices: u32,
    /// The body refers to content that is not in it (images, files, earlier responses, server-side tools),
    /// so that its bytes bound nothing.
    pub refers_elsewhere: bool,
}

impl Bounds {
    /// Tokens of framing that a turn may add.
    pub const TOKENS_PER_PART: u64 = 16;
    /// Generated tokens reserved for a choice whose maximum is known to nobody.
    pub const DEFAULT_MAX_OUTPUT: u64 = 4096;

    /// An upper bound on input tokens, in tokens. `context_window` stands in when the bytes bound nothing.
    #[must_use]
    pub fn input_tokens(&self, context_window: Option<u64>) -> u64 {
        let by_bytes = self.body_bytes.saturating_add(u64::from(self.parts).saturating_mul(Self::TOKENS_PER_PART));
        match context_window {
            Some(window) if self.refers_elsewhere => window,
            Some(window) => by_bytes.min(window),
            None => by_bytes,
        }
    }

    /// An upper bound on generated tokens over all choices: the caller's maximum, else the model's, else
    /// [`Self::DEFAULT_MAX_OUTPUT`]; never more than the model can generate.
    #[must_use]
    pub fn output_tokens(&self, model_max: Option<u64>) -> u64 {
        let one = match (self.max_output, model_max) {
            (Some(asked), Some(model)) => asked.min(model),
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => Self::DEFAULT_MAX_OUTPUT,
        };
        one.saturating_mul(u64::from(self.choices.max(1)))
    }
}

/// What ties the turns of a conversation together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Conversation {
    /// Hash of the leading system text and the first user message.
    pub opening: Option<u64>,
    /// Hash of the id of an earlier response that the body names.
    pub named: Option<u64>,
    /// The body already holds an answer.
    pub answered: bool,
}

impl Conversation {
    /// The key under which an earlier turn may have been remembered; none for a new conversation.
    #[must_use]
    pub fn earlier(&self) -> Option<u64> {
        self.named.or(if self.answered { self.opening } else { None })
    }
}

/// Models that the provider may answer with in the place of the asked one, because the body says so (`models`,
/// `fallbacks`). They lead nowhere here, and the lists hold for them too.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fallbacks {
    /// By name.
    pub named: Vec<Arc<str>>,
    /// And others: the choice is the provider's, or told in a way that is not understood.
    pub open: bool,
}

/// One call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The language of the caller.
    pub dialect: Dialect,
    /// What it does.
    pub operation: Operation,
    /// The model that was asked for; empty where the operation names none.
    pub model: Arc<str>,
    /// What may answer in its place without another call.
    pub fallbacks: Fallbacks,
    /// How the answer is wanted.
    pub streaming: Streaming,
    /// The caller itself asked for the stream's usage (`stream_options.include_usage`).
    pub asked_usage: bool,
    /// What bounds its tokens.
    pub bounds: Bounds,
    /// What ties it to earlier calls.
    pub conversation: Conversation,
    /// Values of the headers that the snapshot names, lower-case names.
    pub headers: Vec<(Arc<str>, String)>,
}

impl Call {
    /// The value of a header that the snapshot names.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| **n == *name).map(|(_, v)| v.as_str())
    }
}

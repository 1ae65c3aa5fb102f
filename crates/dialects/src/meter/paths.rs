//! Where in an answer the things stand that are read, dialect by dialect.
//!
//! A place is the keys that lead to it, [`Key::Item`] standing for an element of an array.

use sidegate_policy::{Dialect, Operation};

use Key::{
    Arguments, Audio, BlockReason, CallId, Candidates, Choices, Content, ContentBlock, Delta, Error, FinishReason,
    Function, FunctionCall, Id, IncompleteDetails, InlineData, Input, Item, Message, Model, Name, Output, OutputItem,
    PartialJson, Parts, PromptFeedback, Reasoning, ReasoningContent, Refusal, Response, Status, StopReason, Summary,
    Text, Thinking, ToolCalls, Transcript, Type, Usage, XGroq,
};

/// The names of keys that lead somewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Key {
    /// Any other name.
    #[default]
    Other,
    /// An element of an array.
    Item,
    Arguments,
    Audio,
    BlockReason,
    CallId,
    Candidates,
    Choices,
    Content,
    ContentBlock,
    Delta,
    Error,
    FinishReason,
    Function,
    FunctionCall,
    Id,
    IncompleteDetails,
    InlineData,
    Input,
    Message,
    Model,
    Name,
    Output,
    OutputItem,
    PartialJson,
    Parts,
    PromptFeedback,
    Reasoning,
    ReasoningContent,
    Refusal,
    Response,
    Status,
    StopReason,
    Summary,
    Text,
    Thinking,
    ToolCalls,
    Transcript,
    Type,
    Usage,
    XGroq,
}

impl Key {
    /// The longest name that is known, in bytes.
    pub(super) const LONGEST: usize = 18;

    pub(super) fn of(name: &[u8]) -> Self {
        match name {
            b"arguments" | b"args" => Arguments,
            b"audio" => Audio,
            b"blockReason" => BlockReason,
            b"call_id" => CallId,
            b"candidates" => Candidates,
            b"choices" => Choices,
            b"content" => Content,
            b"content_block" => ContentBlock,
            b"delta" => Delta,
            b"error" => Error,
            b"finish_reason" | b"finishReason" => FinishReason,
            b"function" => Function,
            b"function_call" | b"functionCall" => FunctionCall,
            b"id" | b"responseId" => Id,
            b"incomplete_details" => IncompleteDetails,
            b"inlineData" => InlineData,
            b"input" => Input,
            b"item" => OutputItem,
            b"message" => Message,
            b"model" | b"modelVersion" => Model,
            b"name" => Name,
            b"output" => Output,
            b"partial_json" => PartialJson,
            b"parts" => Parts,
            b"promptFeedback" => PromptFeedback,
            b"reasoning" => Reasoning,
            b"reasoning_content" => ReasoningContent,
            b"refusal" => Refusal,
            b"response" => Response,
            b"status" => Status,
            b"stop_reason" => StopReason,
            b"summary" => Summary,
            b"text" => Text,
            b"thinking" => Thinking,
            b"tool_calls" => ToolCalls,
            b"transcript" => Transcript,
            b"type" | b"reason" => Type,
            b"usage" | b"usageMetadata" => Usage,
            b"x_groq" => XGroq,
            _ => Self::Other,
        }
    }
}

/// What is done with the value at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Want {
    /// Nothing.
    Nothing,
    /// It is kept: the model.
    Model,
    /// It is kept: the answer's id.
    Id,
    /// It is kept: why it ended.
    Finish,
    /// It is kept: what kind of event it is.
    Event,
    /// What kind of block or item it is.
    Block,
    /// The same, in an event that may tell of its beginning or of its end.
    NewBlock,
    /// Generated text: its bytes are counted.
    Generated,
    /// A whole object of arguments: its bytes are counted.
    Arguments,
    /// The name of a tool that is called.
    Tool,
    /// A block, item or call that may ask for a tool.
    Call,
    /// Its id.
    CallId,
    /// Its name, if it is a call.
    CallName,
    /// The list of choices.
    Choices,
    /// One of them.
    Choice,
    /// Something generated that is neither text nor a call.
    Media,
    /// The tokens that were taken.
    Usage,
    /// An error.
    Error,
}

/// What is done with the value that `path` leads to.
pub(super) fn want(dialect: Dialect, operation: Operation, path: &[Key]) -> Want {
    match (dialect, operation) {
        (Dialect::OpenAi, Operation::Responses | Operation::InputTokens) => of_responses(path),
        (Dialect::OpenAi, _) => of_chat(path),
        (Dialect::Anthropic, _) => of_messages(path),
        (Dialect::Gemini, _) => of_gemini(path),
    }
}

/// Chat completions, completions and embeddings.
fn of_chat(path: &[Key]) -> Want {
    match path {
        [Model] => Want::Model,
        [Id] => Want::Id,
        // Groq and Moonshot have a place of their own for it.
        [Usage] | [XGroq, Usage] | [Choices, Item, Usage] => Want::Usage,
        [Error] | [XGroq, Error] | [Choices, Item, Error] => Want::Error,
        [Choices] => Want::Choices,
        [Choices, Item] => Want::Choice,
        [Choices, Item, FinishReason] => Want::Finish,
        [Choices, Item, Text] => Want::Generated,
        [Choices, Item, Delta | Message, rest @ ..] => of_delta(rest),
        _ => Want::Nothing,
    }
}

fn of_delta(path: &[Key]) -> Want {
    match path {
        [Content | Reasoning | ReasoningContent | Refusal] => Want::Generated,
        // Content as a list: Mistral's thinking is a list in it.
        [Content, Item, Text] | [Content, Item, Thinking, Item, Text] => Want::Generated,
        [Audio, Transcript] => Want::Generated,
        [ToolCalls, Item] => Want::Call,
        [ToolCalls, Item, Id] => Want::CallId,
        [ToolCalls, Item, Function, Name] | [FunctionCall, Name] => Want::Tool,
        [ToolCalls, Item, Function, Arguments] | [FunctionCall, Arguments] => Want::Generated,
        _ => Want::Nothing,
    }
}

fn of_responses(path: &[Key]) -> Want {
    match path {
        [Type] => Want::Event,
        [Delta] => Want::Generated,
        [OutputItem] => Want::Call,
        [OutputItem, Type] => Want::NewBlock,
        [OutputItem, CallId] => Want::CallId,
        [OutputItem, Name] => Want::CallName,
        [Error] => Want::Error,
        [Response, rest @ ..] => of_response(rest, true),
        _ => of_response(path, false),
    }
}

/// A whole response; in the events of a stream its output was told before.
fn of_response(path: &[Key], in_event: bool) -> Want {
    match path {
        [Model] => Want::Model,
        [Id] => Want::Id,
        [Usage] => Want::Usage,
        [Error] => Want::Error,
        [Status] | [IncompleteDetails, Type] => Want::Finish,
        _ if in_event => Want::Nothing,
        [Output, Item] => Want::Call,
        [Output, Item, Type] => Want::Block,
        [Output, Item, CallId] => Want::CallId,
        [Output, Item, Name] => Want::CallName,
        [Output, Item, Content, Item, Text | Refusal] => Want::Generated,
        [Output, Item, Summary, Item, Text] => Want::Generated,
        [Output, Item, Arguments | Input] => Want::Generated,
        _ => Want::Nothing,
    }
}

fn of_messages(path: &[Key]) -> Want {
    match path {
        [Type] => Want::Event,
        [Error] => Want::Error,
        [Delta, Text | PartialJson | Thinking] => Want::Generated,
        [ContentBlock] => Want::Call,
        [ContentBlock, Type] => Want::NewBlock,
        [ContentBlock, Id] => Want::CallId,
        [ContentBlock, Name] => Want::CallName,
        [ContentBlock, Text | Thinking] => Want::Generated,
        [Message, rest @ ..] => of_message(rest),
        [Delta, StopReason] => Want::Finish,
        _ => of_message(path),
    }
}

fn of_message(path: &[Key]) -> Want {
    match path {
        [Model] => Want::Model,
        [Id] => Want::Id,
        [Usage] => Want::Usage,
        [StopReason] => Want::Finish,
        [Content, Item] => Want::Call,
        [Content, Item, Type] => Want::Block,
        [Content, Item, Id] => Want::CallId,
        [Content, Item, Name] => Want::CallName,
        [Content, Item, Text | Thinking] => Want::Generated,
        [Content, Item, Input] => Want::Arguments,
        _ => Want::Nothing,
    }
}

fn of_gemini(path: &[Key]) -> Want {
    match path {
        [Model] => Want::Model,
        [Id] => Want::Id,
        [Usage] => Want::Usage,
        [Error] => Want::Error,
        [Candidates, Item, FinishReason] | [PromptFeedback, BlockReason] => Want::Finish,
        [Candidates, Item, Content, Parts, Item, Text] => Want::Generated,
        [Candidates, Item, Content, Parts, Item, FunctionCall] => Want::Call,
        [Candidates, Item, Content, Parts, Item, FunctionCall, Id] => Want::CallId,
        [Candidates, Item, Content, Parts, Item, FunctionCall, Name] => Want::Tool,
        [Candidates, Item, Content, Parts, Item, FunctionCall, Arguments] => Want::Arguments,
        [Candidates, Item, Content, Parts, Item, InlineData] => Want::Media,
        _ => Want::Nothing,
    }
}

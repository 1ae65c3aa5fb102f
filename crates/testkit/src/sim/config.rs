//! What a simulator is told: its keys, how its answers look, its bounds.
//!
//! Every number has a unit and a default that suits tests; nothing here reads
//! a file or the environment.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Largest request body, bytes. A larger one is answered with 413.
pub const MAX_BODY: usize = 64 << 20;

/// Most events that one stream is asked for.
pub const MAX_EVENTS: usize = 100_000;

/// Pause after a failed accept: the process is out of descriptors for now.
pub(crate) const ACCEPT_RETRY: Duration = Duration::from_millis(10);

/// A credential that the simulator accepts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// What the bill calls it.
    pub name: String,
    /// What the caller presents.
    pub value: String,
}

impl Key {
    /// A key `value` that the bill calls `name`.
    pub fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self { name: name.into(), value: value.into() }
    }
}

/// A simulator's configuration.
#[derive(Debug, Clone)]
pub struct SimConfig {
    /// Accepted keys. Empty: any key is accepted, none is needed.
    pub keys: Vec<Key>,
    /// How answers look until somebody changes it.
    pub answers: Answers,
    /// Whether requests are entered in the bill. Off, equal requests are
    /// answered from memory: the simulator becomes a load target.
    pub bill: bool,
    /// Most entries the bill keeps; older ones are dropped and counted.
    pub bill_entries: usize,
    /// Whether entries keep the request's bytes.
    pub bill_bodies: bool,
    /// Most connections open at once through `serve`.
    pub max_connections: usize,
    /// Models that the lists show, by their bare names.
    pub models: Vec<String>,
}

impl Default for SimConfig {
    fn default() -> Self {
        let models = [
            "gpt-4o",
            "gpt-4o-mini",
            "text-embedding-3-small",
            "claude-haiku-4-5",
            "claude-sonnet-4-5",
            "gemini-2.5-flash",
            "gemini-embedding-001",
        ];
        Self {
            keys: Vec::new(),
            answers: Answers::default(),
            bill: true,
            bill_entries: 10_000,
            bill_bodies: true,
            max_connections: 16_384,
            models: models.map(String::from).to_vec(),
        }
    }
}

/// How answers look. A request may override each field with a header of the
/// form `x-sim-<field>` (`x-sim-events: 200`, `x-sim-pause-ms: 10`) or a query
/// parameter of the same name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Answers {
    /// The text of every answer, instead of the echo.
    pub text: Option<String>,
    /// Number of content events, instead of one for each word.
    pub events: Option<usize>,
    /// Milliseconds between the events of a stream.
    pub pause_ms: u64,
    /// Prompt tokens reported as read from a cache; at most the prompt.
    pub cached: u64,
    /// Prompt tokens reported as written to a cache; at most the rest of it.
    pub cache_write: u64,
    /// Reasoning tokens, billed as output on top of the visible text.
    pub reasoning: u64,
}

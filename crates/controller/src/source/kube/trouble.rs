//! What may go wrong with a watch, and what follows from it.

use std::time::Duration;

use ::kube::core::Status;
use thiserror::Error;

use super::known::Older;

/// Why a watch has to begin again.
#[derive(Debug, Error)]
pub(super) enum Trouble {
    /// Its place in the history is gone (410): the list has to be asked for again.
    #[error("the API server has forgotten what came after the last event; listing again")]
    Gone,
    /// The right to read it is missing or was taken away; what is known stays.
    #[error("not allowed: {0}")]
    Denied(String),
    /// The server does not take the question, as one without streaming lists does.
    #[error("the API server does not take the request: {0}")]
    Refused(String),
    /// The server asks for patience, or has trouble of its own.
    #[error("the API server is in trouble or asks for patience: {reason}")]
    Busy {
        /// What it said.
        reason: String,
        /// How long it asks to wait.
        wait: Option<Duration>,
    },
    /// Nothing was heard, not even a bookmark.
    #[error("nothing was heard for {} s", .0.as_secs())]
    Silent(Duration),
    /// The server is behind another one that was heard before.
    #[error(transparent)]
    Older(#[from] Older),
    /// The connection, or something on it that cannot be read.
    #[error("the API server cannot be reached or understood: {0}")]
    Lost(String),
}

impl Trouble {
    /// What an error of the client means.
    pub(super) fn of(error: &kube::Error) -> Self {
        match error {
            kube::Error::Api(status) => Self::of_status(status),
            // The words of a parser may quote what it read.
            kube::Error::SerdeError(_) => Self::Lost("an answer that does not decode".to_owned()),
            other => Self::Lost(chain(other)),
        }
    }

    /// What a status means, whether it came as an answer or inside a watch.
    pub(super) fn of_status(status: &Status) -> Self {
        let reason = status.message.chars().take(300).collect();
        let wait = status.details.as_ref().map(|details| u64::from(details.retry_after_seconds));
        let wait = wait.filter(|seconds| *seconds > 0).map(Duration::from_secs);
        match status.code {
            410 => Self::Gone,
            401 | 403 => Self::Denied(reason),
            400 | 422 => Self::Refused(reason),
            _ if status.reason == "Expired" || status.reason == "Gone" => Self::Gone,
            _ => Self::Busy { reason, wait },
        }
    }

    /// The same in a word, for pages that name no object.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Gone => "listing again",
            Self::Denied(_) => "denied",
            Self::Refused(_) => "refused",
            Self::Busy { .. } => "the API server is busy",
            Self::Silent(_) => "silent",
            Self::Older(_) => "the API server is behind",
            Self::Lost(_) => "not reached",
        }
    }

    /// Whether what is known has to be listed anew, because it cannot be followed from where it stands.
    pub(super) fn wants_list(&self) -> bool {
        matches!(self, Self::Gone | Self::Refused(_) | Self::Older(_))
    }

    /// How long the server asks to wait.
    pub(super) fn asked(&self) -> Option<Duration> {
        match self {
            Self::Busy { wait, .. } => *wait,
            _ => None,
        }
    }
}

/// The words of an error and of what is behind it.
fn chain(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_words = cause.to_string();
        if !words.contains(&cause_words) {
            words = format!("{words}: {cause_words}");
        }
        next = cause.source();
    }
    words.chars().take(300).collect()
}

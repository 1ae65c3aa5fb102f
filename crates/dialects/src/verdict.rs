//! What an answer means for the next attempt: by its body first, then by its status.
//!
//! Statuses lie (a 400 that is a wrong key, a 200 that is an error), bodies lie less. The tables here are the
//! only place that knows the providers' words for their failures.

mod body;
mod first;
mod wait;

use std::time::Duration;

use http::{HeaderMap, StatusCode};
use sidegate_policy::Dialect;

pub use first::first_event_verdict;
pub use wait::retry_after;

/// An answer, as far as it is known.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'a> {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: &'a HeaderMap,
    /// Its body, or as much of it as was read.
    pub body: &'a [u8],
}

/// What it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// An answer to the call.
    Good,
    /// May pass: the same target again, or the next.
    Transient,
    /// The credential's rate or quota is used up.
    Quota {
        /// When the provider says it may be tried again; filled in by [`retry_after`] and the caller's clock,
        /// here only what needs no clock.
        retry_after: Option<Duration>,
        /// Waiting does not help: the account is empty.
        insufficient: bool,
    },
    /// The credential is not accepted.
    Auth,
    /// The call does not fit the model.
    ContextTooLong,
    /// The provider declines the content.
    ContentRefused,
    /// An error that is the caller's to see, as it is.
    Passed,
    /// A redirect, which is never followed.
    Redirect,
}

/// What `answer` means. Its body need not be whole.
#[must_use]
pub fn verdict(dialect: Dialect, answer: &Answer<'_>) -> Verdict {
    let status = answer.status.as_u16();
    if answer.status.is_redirection() {
        return Verdict::Redirect;
    }
    if answer.status.is_success() {
        return wait::with_wait(of_success(dialect, answer), answer);
    }
    let said = body::error(answer.body).and_then(|error| body::meaning(&error));
    wait::with_wait(said.unwrap_or_else(|| by_status(status)), answer)
}

/// A good status does not make a good answer.
fn of_success(dialect: Dialect, answer: &Answer<'_>) -> Verdict {
    if first::is_stream(answer.headers) {
        return first::whole_stream(dialect, answer.body);
    }
    if first::is_page(answer.headers, answer.body) {
        return Verdict::Transient;
    }
    if !body::is_suspicious(answer.body) {
        return Verdict::Good;
    }
    let value = serde_json::from_slice(answer.body).ok();
    value.and_then(|value| body::of_success(dialect, &value)).unwrap_or(Verdict::Good)
}

fn by_status(status: u16) -> Verdict {
    match status {
        429 => Verdict::Quota { retry_after: None, insufficient: false },
        402 => Verdict::Quota { retry_after: None, insufficient: true },
        401 | 403 => Verdict::Auth,
        408 | 424 | 498 | 499 | 500.. => Verdict::Transient,
        100..=199 => Verdict::Transient,
        _ => Verdict::Passed,
    }
}

#[cfg(test)]
mod tests;

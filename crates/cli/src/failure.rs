//! Why a command ends without an answer, as a sentence and an exit code of sysexits.

use std::fmt::Display;

/// The answer is no: the call would be refused, or something is wrong with the objects.
pub const NO: u8 = 1;
/// Wrong use of the command line, or a start that cannot succeed (`EX_USAGE`).
pub const USAGE: u8 = 64;
/// A file that was named cannot be read (`EX_NOINPUT`).
pub const NO_INPUT: u8 = 66;
/// The API server cannot be asked, or does not have what was asked for (`EX_UNAVAILABLE`).
pub const UNAVAILABLE: u8 = 69;
/// The API server does not let this user see it (`EX_NOPERM`).
pub const FORBIDDEN: u8 = 77;

/// Why there is no answer.
#[derive(Debug)]
pub struct Failure {
    /// The exit code.
    pub code: u8,
    /// A sentence that says what to do.
    pub message: String,
    /// The API server answers, and does not have it.
    pub missing: bool,
}

impl Failure {
    /// A failure with that exit code.
    pub fn new(code: u8, message: impl Display) -> Self {
        Self { code, message: message.to_string(), missing: false }
    }
}

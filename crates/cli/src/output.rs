//! How an answer is printed: for people, or as JSON or YAML for programs. One value, three prints.

use std::fmt::Write as _;
use std::io::{ErrorKind, Write as _};

use serde::Serialize;

use crate::failure::{Failure, UNAVAILABLE};

/// A form for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Form {
    /// JSON.
    Json,
    /// YAML.
    Yaml,
}

/// An answer that people can read.
pub trait Told {
    /// The text for people, with a newline at its end.
    fn tell(&self) -> String;
}

/// Prints `answer` on standard output.
///
/// # Errors
/// When it cannot be written; a reader that went away is none.
pub fn print<T: Serialize + Told>(answer: &T, form: Option<Form>) -> Result<(), Failure> {
    let broken = |error: &dyn std::fmt::Display| Failure::new(UNAVAILABLE, format!("cannot print the answer: {error}"));
    let text = match form {
        None => answer.tell(),
        Some(Form::Json) => serde_json::to_string_pretty(answer).map_err(|e| broken(&e))? + "\n",
        Some(Form::Yaml) => serde_yaml::to_string(answer).map_err(|e| broken(&e))?,
    };
    print_text(&text)
}

/// Prints `text` on standard output.
///
/// # Errors
/// When it cannot be written; a reader that went away is none.
pub fn print_text(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::new(UNAVAILABLE, format!("cannot print the answer: {error}")))
        }
        _ => Ok(()),
    }
}

/// Rows in columns, two blanks in front and between, nothing behind.
pub fn columns(rows: &[Vec<String>]) -> String {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..count).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            let _ = write!(line, "  {cell:width$}");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

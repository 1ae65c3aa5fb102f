//! What a check found, as it is printed.

use std::collections::BTreeSet;

use serde::Serialize;
use sidegate_controller::source::files::Files;
use sidegate_controller::{Problem, Severity};

use crate::output::Told;

/// What a check found.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// What is wrong, by place.
    pub problems: Vec<Line>,
    /// Objects that were read.
    pub objects: usize,
    /// Documents of other groups, which are somebody else's.
    pub ignored: usize,
    /// Problems that are errors.
    pub errors: usize,
    /// Problems that are warnings.
    pub warnings: usize,
}

/// One thing that is wrong.
#[derive(Debug, Clone, Serialize)]
pub struct Line {
    /// `error` or `warning`.
    pub severity: &'static str,
    /// The file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Counted from 1; none means the file as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// `Kind/namespace/name`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// Path of the field.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub field: String,
    /// What is wrong.
    pub reason: String,
    #[serde(skip)]
    told: String,
}

impl Report {
    /// The report on `files`, of which `ignored` documents are somebody else's.
    pub fn of(files: &Files, problems: Vec<Problem>, ignored: usize) -> Self {
        let locate = |problem| files.listing().locate(problem);
        let problems: BTreeSet<Problem> = problems.into_iter().map(locate).collect();
        let count = |severity| problems.iter().filter(|problem| problem.severity == severity).count();
        Self {
            objects: files.listing().objects.len(),
            ignored,
            errors: count(Severity::Error),
            warnings: count(Severity::Warning),
            problems: problems.iter().map(line).collect(),
        }
    }

    /// Everything that was seen in the files.
    pub fn documents(&self) -> usize {
        self.objects + self.ignored + self.problems.len()
    }
}

fn line(problem: &Problem) -> Line {
    let place = problem.place.as_ref();
    Line {
        severity: match problem.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        },
        file: place.map(|place| place.file.to_string()),
        line: place.map(|place| place.line).filter(|line| *line > 0),
        object: problem.object.as_ref().map(ToString::to_string),
        field: problem.field.clone(),
        reason: problem.reason.clone(),
        told: problem.to_string(),
    }
}

impl Told for Report {
    fn tell(&self) -> String {
        let mut text = String::new();
        for line in &self.problems {
            let severity = if line.severity == "warning" { " (warning)" } else { "" };
            text.push_str(&format!("{}{severity}\n", line.told));
        }
        let many = |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
        let ignored = match self.ignored {
            0 => String::new(),
            count => format!(", {} of other groups not looked at", many(count, "document")),
        };
        text + &format!(
            "{} read{ignored}: {}, {}\n",
            many(self.objects, "object"),
            many(self.errors, "error"),
            many(self.warnings, "warning")
        )
    }
}

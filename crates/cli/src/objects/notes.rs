//! Sentences about what an answer lacks or assumes.

use sidegate_controller::Index;

/// Objects named in one note.
const NAMED: usize = 5;

/// What an answer lacks and assumes.
#[derive(Debug, Clone, Default)]
pub struct Notes {
    /// Sentences.
    pub lines: Vec<String>,
    /// Something that may decide the answer may not be read by whoever asks.
    pub hidden: bool,
}

impl Notes {
    /// Says something.
    pub fn say(&mut self, line: impl Into<String>) {
        self.lines.push(line.into());
    }

    /// Says what may not be read although it may decide.
    pub fn hide(&mut self, line: impl Into<String>) {
        self.hidden = true;
        self.say(line);
    }

    /// Says which objects the control plane would refuse as they are written. It keeps their last good version, which
    /// nobody else knows.
    pub fn say_refused(&mut self, index: &Index) {
        let names: Vec<String> = index.refused().map(ToString::to_string).collect();
        if names.is_empty() {
            return;
        }
        let more = if names.len() > NAMED { format!(" and {} more", names.len() - NAMED) } else { String::new() };
        let shown = names.get(..NAMED).unwrap_or(&names).join(", ");
        self.say(format!(
            "refused as written and not in this answer: {shown}{more}; a control plane that took an earlier version \
             still enforces that one"
        ));
    }
}

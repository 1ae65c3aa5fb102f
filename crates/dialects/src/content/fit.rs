//! Making a list fit: the last entries stay, and texts in them are cut as far as they must be.

use serde_json::Value;

/// The shortest text that is worth its place, in bytes.
const SHORTEST: usize = 16;

/// The list as JSON of at most `most` bytes; empty if nothing fits, or nothing is in it.
pub(super) fn list(entries: Vec<Value>, most: usize) -> String {
    let mut left = most.saturating_sub(2);
    let mut kept = Vec::new();
    for entry in entries.into_iter().rev() {
        // With its comma.
        let Some(text) = entry_within(entry, left.saturating_sub(1)) else { break };
        left -= text.len() + 1;
        kept.push(text);
    }
    if kept.is_empty() {
        return String::new();
    }
    kept.reverse();
    format!("[{}]", kept.join(","))
}

/// The entry as JSON of at most `most` bytes, its texts halved until it is.
fn entry_within(mut entry: Value, most: usize) -> Option<String> {
    let mut longest = most;
    loop {
        let text = entry.to_string();
        if text.len() <= most {
            return Some(text);
        }
        longest /= 2;
        if longest < SHORTEST {
            return None;
        }
        cut(&mut entry, longest);
    }
}

/// Cuts every text in it that is longer than `longest` bytes.
fn cut(value: &mut Value, longest: usize) {
    match value {
        Value::String(text) if text.len() > longest => {
            text.truncate(text.floor_char_boundary(longest));
            text.push('…');
        }
        Value::Array(list) => list.iter_mut().for_each(|value| cut(value, longest)),
        Value::Object(members) => members.values_mut().for_each(|value| cut(value, longest)),
        _ => {}
    }
}

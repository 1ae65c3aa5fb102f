//! Sentences about what an answer lacks.

use sidegate_controller::Index;

/// Objects named in one note.
const NAMED: usize = 5;

/// Objects that the control plane would refuse as they are written. It keeps their last good version, which nobody
/// else knows.
pub fn refused(index: &Index) -> Option<String> {
    let names: Vec<String> = index.refused().map(ToString::to_string).collect();
    if names.is_empty() {
        return None;
    }
    let more = if names.len() > NAMED { format!(" and {} more", names.len() - NAMED) } else { String::new() };
    let shown = names.get(..NAMED).unwrap_or(&names).join(", ");
    Some(format!(
        "refused as written and not in this answer: {shown}{more}; a control plane that took an earlier version still \
         enforces that one"
    ))
}

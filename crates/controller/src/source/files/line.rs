//! The line of a field, found by reading the document as a person would: each key after the one that holds it.
//!
//! It serves messages only. Where a layout defeats it, the line of the closest field that was found stands.

/// Lines between the document's first and the one of `field`, for example `spec.credentials[a].weight`.
pub(super) fn of_field(text: &str, field: &str) -> usize {
    let lines: Vec<&str> = text.lines().collect();
    let mut at = lines.iter().position(|l| !l.trim().is_empty() && !l.trim_start().starts_with('#')).unwrap_or(0);
    let mut list = "";
    for part in field.split(['.', '[']).filter(|p| !p.is_empty()) {
        let found = match part.strip_suffix(']') {
            // A list that begins inside its line: its positions are there, or nowhere that is worth a search.
            Some(index) if index.parse::<usize>().is_ok() && holds_list(&lines, at, list) => Some(at),
            Some(index) => entry(&lines, at, index),
            None => {
                list = part;
                (at..lines.len()).find(|n| lines.get(*n).is_some_and(|line| has_key(line, part)))
            }
        };
        match found {
            Some(line) => at = line,
            None => break,
        }
    }
    at
}

/// Whether the list of that key begins in the line.
fn holds_list(lines: &[&str], at: usize, key: &str) -> bool {
    lines.get(at).is_some_and(|line| line.contains(&format!("{key}: [")))
}

/// The line of an entry of a list: by position, or by its `name`.
fn entry(lines: &[&str], at: usize, index: &str) -> Option<usize> {
    let rest = || (at..lines.len()).filter_map(|n| Some((n, *lines.get(n)?)));
    let Ok(position) = index.parse::<usize>() else {
        return rest().find(|(_, line)| has_key(line, "name") && names(line, index)).map(|(n, _)| n);
    };
    let indent = |line: &str| line.len() - line.trim_start().len();
    let items = || rest().skip(1).filter(|(_, line)| line.trim_start().starts_with('-'));
    let first = items().next().map(|(_, line)| indent(line))?;
    items().filter(|(_, line)| indent(line) == first).nth(position).map(|(n, _)| n)
}

/// Whether `key:` stands in the line, at its beginning, after a dash, or inside braces.
fn has_key(line: &str, key: &str) -> bool {
    let mut rest = line;
    while let Some((before, after)) = rest.split_once(key) {
        let begins = before.trim_end_matches(' ').ends_with(['-', '{', ',', '[']) || before.trim().is_empty();
        if begins && after.starts_with(':') {
            return true;
        }
        rest = after;
    }
    false
}

fn names(line: &str, name: &str) -> bool {
    line.split("name:").skip(1).any(|after| {
        let value = after.trim_start().trim_start_matches(['"', '\'']);
        value
            .strip_prefix(name)
            .is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || "-_.".contains(c)))
    })
}

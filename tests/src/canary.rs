//! Texts that must be found in no output, in no spelling and not in part.

use serde_json::Value;

/// The least that is looked for: less of a text tells nothing, and may stand anywhere by chance.
const LEAST: usize = 10;

/// A text in the spellings that outputs are searched for.
#[must_use]
pub fn spellings(text: &str) -> Vec<String> {
    let bytes = text.as_bytes();
    let json = Value::from(text).to_string();
    let ascii = |c: char| {
        if c.is_ascii() {
            c.to_string()
        } else {
            c.encode_utf16(&mut [0; 2]).iter().map(|u| format!("\\u{u:04x}")).collect()
        }
    };
    let quoted = json.trim_matches('"').to_owned();
    let plain = |b: &u8| b.is_ascii_alphanumeric() || b"-._~".contains(b);
    let percent = |upper: bool| -> String {
        let code = |b: &u8| match (plain(b), upper) {
            (true, _) => char::from(*b).to_string(),
            (_, true) => format!("%{b:02X}"),
            (_, false) => format!("%{b:02x}"),
        };
        bytes.iter().map(code).collect()
    };
    let mut all = vec![text.to_owned(), quoted.clone(), quoted.chars().map(ascii).collect()];
    all.extend([percent(true), percent(false), percent(true).replace("%20", "+")]);
    // As `Debug` and as bytes, forwards and backwards.
    all.push(text.escape_debug().to_string());
    all.push(bytes.iter().map(|b| format!("{b:02x}")).collect());
    all.push(format!("{bytes:?}").trim_matches(['[', ']']).to_owned());
    all.push(bytes.escape_ascii().to_string());
    all.push(text.chars().rev().collect());
    for skipped in 0..3 {
        // Whatever stands before it: the groups of three bytes that are wholly of the text.
        let whole = bytes.len().saturating_sub(skipped) / 3 * 3;
        let code = base64(bytes.get(skipped..skipped + whole).unwrap_or_default());
        all.push(code.replace('+', "-").replace('/', "_"));
        all.push(code);
    }
    all.sort();
    all.dedup();
    all
}

/// Both halves of each spelling: a text may be cut, by a bound or by the edge of a chunk, and half of it is too much.
fn halves(text: &str) -> Vec<String> {
    let mut all = Vec::new();
    for spelling in spellings(text) {
        let chars: Vec<char> = spelling.chars().collect();
        let half = (chars.len() / 2).max(LEAST).min(chars.len());
        all.push(chars.iter().take(half).collect());
        all.push(chars.iter().skip(chars.len() - half).collect());
    }
    all
}

fn base64(bytes: &[u8]) -> String {
    let sign = |six: u32| {
        let all = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        all.get(six as usize & 63).map_or(' ', |b| char::from(*b))
    };
    let group = |c: &[u8]| c.iter().fold(0, |all, byte| all << 8 | u32::from(*byte));
    bytes.chunks_exact(3).map(group).flat_map(|g| [18, 12, 6, 0].map(|shift| sign(g >> shift))).collect()
}

/// Everything that was put out, by name.
#[derive(Default)]
pub struct Outputs(Vec<(String, String)>);

impl Outputs {
    /// One more.
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<String>) {
        self.0.push((name.into(), text.into()));
    }

    /// Every file below `directory`.
    ///
    /// # Panics
    /// When one cannot be read.
    pub fn files(&mut self, directory: &std::path::Path) {
        for entry in std::fs::read_dir(directory).unwrap_or_else(|e| panic!("{e}")).flatten() {
            let path = entry.path();
            if path.is_dir() {
                self.files(&path);
            } else if path.is_file() {
                let bytes = std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
                self.add(path.display().to_string(), String::from_utf8_lossy(&bytes));
            }
        }
    }

    /// Whether an output of that name has `part` in it: what is searched is what was meant to be.
    #[must_use]
    pub fn have(&self, name: &str, part: &str) -> bool {
        self.named(name).any(|(_, text)| text.contains(part))
    }

    /// The outputs in which some of a canary stands, in whatever spelling.
    #[must_use]
    pub fn with(&self, canary: &str) -> Vec<String> {
        let halves = halves(canary);
        let holds = |text: &str| halves.iter().find(|half| text.contains(half.as_str())).cloned();
        let told = |(name, text): &(String, String)| holds(text).map(|half| format!("{name} holds {half}"));
        self.0.iter().filter_map(told).collect()
    }

    /// Holds every output against a canary.
    ///
    /// # Panics
    /// When one has some of it.
    pub fn hold_none_of(&self, canary: &str) {
        let found = self.with(canary);
        assert!(found.is_empty(), "{found:?}");
    }

    fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a (String, String)> {
        self.0.iter().filter(move |(known, _)| known.contains(name))
    }
}

#[cfg(test)]
mod tests {
    use super::{Outputs, base64, spellings};

    #[test]
    fn a_canary_is_found_in_every_spelling() {
        assert_eq!(base64(b"Sidegate!"), "U2lkZWdhdGUh");
        let found = spellings("a\"/\u{fc}?");
        for spelling in [
            "a\"/\u{fc}?",
            "a\\\"/\u{fc}?",
            "a\\\"/\\u00fc?",
            "a%22%2F%C3%BC%3F",
            "a%22%2f%c3%bc%3f",
            "61222fc3bc3f",
            "YSIvw7w_",
            "97, 34, 47",
            "?\u{fc}/\"a",
            "\\xc3\\xbc",
        ] {
            assert!(found.iter().any(|f| f.contains(spelling)), "{spelling} is not in {found:?}");
        }
    }

    #[test]
    fn half_of_a_canary_is_found_whichever_it_is() {
        let mut outputs = Outputs::default();
        outputs.add("first", "a log line with canary-of-a-per in it");
        outputs.add("second", "and one with person@example.test");
        outputs.add("other", "and one with neither");
        let found = outputs.with("canary-of-a-person@example.test");
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(outputs.have("other", "neither"));
    }
}

//! The one module that reads YAML: documents apart, each within bounds, errors with a line and without values.
//!
//! serde_yaml has no bounds of its own that hold here: aliases may multiply a small text into gigabytes, and brackets
//! may nest as deep as the text is long. A document is measured before anything is made of it.

use std::fmt;

use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// Values inside values.
const DEEPEST: usize = 48;
/// Values of one document, aliases counted each time that they are used.
const MOST_VALUES: usize = 50_000;
/// Bytes of texts of one document, counted in the same way.
const MOST_TEXT: usize = 4 * 1024 * 1024;

/// One document of a file.
pub(super) struct Document<'a> {
    /// Line of the file on which it begins, counted from 1.
    pub(super) line: usize,
    /// Its text.
    pub(super) text: &'a str,
}

/// What is wrong with a document, without values of it.
#[derive(Debug)]
pub(super) struct Broken {
    /// Line of the document, counted from 0.
    pub(super) line: usize,
    /// What is wrong.
    pub(super) reason: String,
}

/// The documents of a text, parted by `---`, so that one that does not parse leaves the others alone.
pub(super) fn documents(text: &str) -> Vec<Document<'_>> {
    let mut documents = Vec::new();
    let (mut start, mut first, mut at) = (0, 1, 0);
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let marker = line.starts_with("---") || line.starts_with("...");
        if marker && line.get(3..).is_some_and(|rest| rest.trim().is_empty() || rest.starts_with([' ', '\t'])) {
            documents.push(Document { line: first, text: text.get(start..at).unwrap_or_default() });
            // The marker's own line stays out; `--- # comment` is all that may stand there.
            (start, first) = (at + line.len(), number + 2);
        }
        at += line.len();
    }
    documents.push(Document { line: first, text: text.get(start..).unwrap_or_default() });
    let empty = |d: &Document<'_>| d.text.lines().all(|l| l.trim().is_empty() || l.trim_start().starts_with('#'));
    documents.retain(|d| !empty(d));
    documents
}

/// Measures a document against the bounds.
pub(super) fn measure(text: &str) -> Result<(), Broken> {
    let mut depth = 0_usize;
    for byte in text.bytes() {
        match byte {
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > 4 * DEEPEST {
            return Err(Broken { line: 0, reason: "is nested too deep".into() });
        }
    }
    let mut tally = Tally { values: 0, text: 0 };
    Measure { tally: &mut tally, depth: 0 }.deserialize(serde_yaml::Deserializer::from_str(text)).map_err(broken)
}

/// Reads a document that has been measured.
pub(super) fn read<T: DeserializeOwned>(text: &str) -> Result<T, Broken> {
    serde_yaml::from_str(text).map_err(broken)
}

fn broken(error: serde_yaml::Error) -> Broken {
    let line = error.location().map_or(0, |l| l.line().saturating_sub(1));
    let text = error.to_string();
    let end = text.rfind(" at line ").unwrap_or(text.len());
    Broken { line, reason: without_values(text.get(..end).unwrap_or(&text)) }
}

/// The message without the texts that it quotes: one may be a key in the wrong place.
fn without_values(message: &str) -> String {
    let mut out = String::new();
    let mut rest = message;
    while let Some((before, after)) = rest.split_once("string \"") {
        out.push_str(before);
        out.push_str("a text");
        let mut escaped = false;
        let end = after.find(|c: char| {
            let closes = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            closes
        });
        rest = end.and_then(|end| after.get(end + 1..)).unwrap_or_default();
    }
    out + rest
}

struct Tally {
    values: usize,
    text: usize,
}

/// Walks a document, makes nothing of it, and stops at the bounds.
struct Measure<'a> {
    tally: &'a mut Tally,
    depth: usize,
}

impl Measure<'_> {
    fn count<E: Error>(self, text: usize) -> Result<(), E> {
        self.tally.values += 1;
        self.tally.text += text;
        if self.tally.values > MOST_VALUES || self.tally.text > MOST_TEXT {
            return Err(E::custom("is too large once its aliases are followed"));
        }
        Ok(())
    }

    fn inner<E: Error>(&mut self) -> Result<Measure<'_>, E> {
        if self.depth >= DEEPEST {
            return Err(E::custom("is nested too deep"));
        }
        Ok(Measure { tally: self.tally, depth: self.depth + 1 })
    }
}

impl<'de> DeserializeSeed<'de> for Measure<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Measure<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        self.count(0)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        self.count(0)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        self.count(0)
    }

    fn visit_i128<E: Error>(self, _: i128) -> Result<(), E> {
        self.count(0)
    }

    fn visit_u128<E: Error>(self, _: u128) -> Result<(), E> {
        self.count(0)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        self.count(0)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.count(text.len())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.count(0)
    }

    fn visit_none<E: Error>(self) -> Result<(), E> {
        self.count(0)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element_seed(self.inner()?)?.is_some() {}
        self.count(0)
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        while map.next_key_seed(self.inner()?)?.is_some() {
            map.next_value_seed(self.inner()?)?;
        }
        self.count(0)
    }
}

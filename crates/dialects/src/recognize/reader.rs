//! What all dialects' bodies have in common: turns of texts, media, and objects of which a few keys matter.

use std::hash::{BuildHasher, Hasher};

use foldhash::quality::FixedState;
use sidegate_policy::{Bounds, Conversation, Refusal};

use super::fields::{Once, bit, lookup, name};
use crate::scan::{Kind, Scan, Text};
use crate::tools::{Noted, Notes};

/// An inline image counts as so many parts, because its bytes bound nothing: the most that a known provider
/// takes for one image is some 48,000 tokens.
const IMAGE_PARTS: u32 = 3072;
/// Bytes of the opening of a conversation that are hashed at most.
const MAX_OPENING: usize = 64 * 1024;
/// Fixed, so that sidecars and restarts agree on what a conversation is.
const SEED: u64 = 0x51de_6a7e_51de_6a7e;

/// Who speaks in a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    System,
    User,
    Model,
    Other,
}

impl Role {
    /// The role that a dialect's word means.
    pub(super) fn of(word: &[u8]) -> Self {
        match word {
            b"system" | b"developer" => Self::System,
            b"user" => Self::User,
            b"assistant" | b"model" => Self::Model,
            _ => Self::Other,
        }
    }
}

/// A pass over a body and what it found so far.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    pub(super) scan: Scan<'a>,
    pub(super) parts: u32,
    pub(super) elsewhere: bool,
    answered: bool,
    named: Option<u64>,
    system: Option<u64>,
    user: Option<u64>,
    turn: u64,
    unhashed: usize,
    /// Where somebody asks for what only a trace tells.
    pub(super) noted: Option<Box<Noted<'a>>>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(body: &'a [u8], noting: bool) -> Self {
        Self {
            scan: Scan::new(body),
            parts: 0,
            elsewhere: false,
            answered: false,
            named: None,
            system: None,
            user: None,
            turn: 0,
            unhashed: MAX_OPENING,
            noted: noting.then(Box::default),
        }
    }

    /// Reads an object in which each of the `known` keys may stand once; `member` is called with the key's
    /// place and must consume the value. Other keys are skipped.
    pub(super) fn object(
        &mut self,
        known: &[&str],
        mut member: impl FnMut(&mut Self, usize) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        self.scan.open_object()?;
        let (mut first, mut once) = (true, Once::default());
        while let Some(key) = self.scan.key(&mut first)? {
            let name = name(&self.scan, &key);
            let Some(at) = lookup(&name, known)? else {
                self.scan.skip()?;
                continue;
            };
            once.note(bit(at), known.get(at).unwrap_or(&""))?;
            member(self, at)?;
        }
        Ok(())
    }

    /// Reads an object whose keys, as they stand, are given to `member`, which must consume the value. For
    /// objects deep inside, of which nothing is spliced and no limit is taken.
    pub(super) fn members(
        &mut self,
        mut member: impl FnMut(&mut Self, &[u8]) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        self.scan.open_object()?;
        let mut first = true;
        while let Some(key) = self.scan.key(&mut first)? {
            let name = name(&self.scan, &key);
            member(self, &name)?;
        }
        Ok(())
    }

    /// Reads an array; `element` must consume one value.
    pub(super) fn array(&mut self, mut element: impl FnMut(&mut Self) -> Result<(), Refusal>) -> Result<(), Refusal> {
        self.scan.open_array()?;
        let mut first = true;
        while self.scan.element(&mut first)? {
            element(self)?;
        }
        Ok(())
    }

    /// Reads an array of objects, or one object; anything else is skipped.
    pub(super) fn objects(&mut self, mut object: impl FnMut(&mut Self) -> Result<(), Refusal>) -> Result<(), Refusal> {
        match self.scan.kind()? {
            Kind::Array => self.array(|r| match r.scan.kind()? {
                Kind::Object => object(r),
                _ => r.skip(),
            }),
            Kind::Object => object(self),
            _ => self.skip(),
        }
    }

    pub(super) fn skip(&mut self) -> Result<(), Refusal> {
        self.scan.skip()?;
        Ok(())
    }

    /// A string, or nothing if the value is of another kind, which is skipped.
    pub(super) fn string(&mut self) -> Result<Option<Text>, Refusal> {
        match self.scan.kind()? {
            Kind::String => Ok(Some(self.scan.string()?)),
            _ => self.skip().map(|()| None),
        }
    }

    /// The bytes of a string as they stand, or nothing if the value is of another kind.
    pub(super) fn word(&mut self) -> Result<&'a [u8], Refusal> {
        let text = self.string()?;
        Ok(text.map(|t| self.scan.slice(&t.inside)).unwrap_or_default())
    }

    /// Consumes a value; whether it says something: not null, false, empty.
    pub(super) fn says_something(&mut self) -> Result<bool, Refusal> {
        let kind = self.scan.kind()?;
        let span = self.scan.skip()?;
        Ok(match kind {
            Kind::Null => false,
            Kind::Bool => self.scan.slice(&span) == b"true",
            Kind::String | Kind::Array | Kind::Object => span.len() > 2,
            Kind::Number => true,
        })
    }

    /// Consumes a value which, if it says something, refers to content that is not in the body.
    pub(super) fn reference(&mut self) -> Result<(), Refusal> {
        self.elsewhere |= self.says_something()?;
        Ok(())
    }

    /// A turn, item or text: a few tokens of framing.
    pub(super) fn part(&mut self) {
        self.parts = self.parts.saturating_add(1);
    }

    /// An image whose bytes are in the body.
    pub(super) fn image(&mut self) {
        self.parts = self.parts.saturating_add(IMAGE_PARTS);
    }

    /// A URL of an image: inside the body if it is a data URI.
    pub(super) fn image_url(&mut self) -> Result<(), Refusal> {
        let url = self.word()?;
        if url.starts_with(b"data:image/") {
            self.image();
        } else if !url.is_empty() {
            self.elsewhere = true;
        }
        Ok(())
    }

    /// A string of the current turn.
    pub(super) fn text(&mut self) -> Result<(), Refusal> {
        let Some(text) = self.string()? else { return Ok(()) };
        if self.user.is_none() && self.unhashed > 0 {
            let bytes = self.scan.slice(&text.inside);
            let hashed = bytes.get(..self.unhashed).unwrap_or(bytes);
            self.unhashed -= hashed.len();
            self.turn = chain(self.turn, hashed);
        }
        Ok(())
    }

    /// The current turn was `role`'s.
    pub(super) fn turn_of(&mut self, role: Role) {
        let turn = std::mem::take(&mut self.turn);
        match role {
            Role::System if self.user.is_none() => {
                let before = self.system.unwrap_or(0);
                self.system = Some(chain(before, &turn.to_le_bytes()));
            }
            Role::User if self.user.is_none() => self.user = Some(turn),
            Role::Model => {
                self.answered = true;
                if let Some(noted) = &mut self.noted {
                    noted.model_spoke();
                }
            }
            _ => {}
        }
    }

    /// Whether somebody asks for what only a trace tells.
    pub(super) fn notes(&self) -> bool {
        self.noted.is_some()
    }

    /// The model asked for a tool, in a turn of the past.
    pub(super) fn note_call(&mut self, id: &'a [u8], name: &'a [u8]) {
        if let Some(noted) = self.noted.as_mut().filter(|_| !(id.is_empty() && name.is_empty())) {
            noted.call(id, name);
        }
    }

    /// A tool gave something.
    pub(super) fn note_result(&mut self, id: &'a [u8], name: &'a [u8]) {
        if let Some(noted) = self.noted.as_mut().filter(|_| !(id.is_empty() && name.is_empty())) {
            noted.result(id, name);
        }
    }

    /// What was noted.
    pub(super) fn take_notes(&mut self) -> Notes {
        self.noted.take().map(|noted| noted.told()).unwrap_or_default()
    }

    /// A stored conversation: its id, or an object with it.
    pub(super) fn stored(&mut self) -> Result<(), Refusal> {
        let mut ahead = self.notes().then(|| self.scan.clone());
        self.earlier()?;
        if let (Some(ahead), Some(noted)) = (&mut ahead, &mut self.noted) {
            noted.conversation(id_of(ahead).unwrap_or_default());
        }
        Ok(())
    }

    /// The id of an earlier response, or a stored conversation: its id, or an object with it.
    pub(super) fn earlier(&mut self) -> Result<(), Refusal> {
        if self.scan.kind()? != Kind::Object {
            return self.named();
        }
        self.elsewhere = true;
        self.members(|r, key| if key == b"id" { r.named() } else { r.skip() })
    }

    fn named(&mut self) -> Result<(), Refusal> {
        let Some(id) = self.string()?.filter(|id| !id.inside.is_empty()) else { return Ok(()) };
        self.elsewhere = true;
        self.named = Some(chain(0, self.scan.slice(&id.token())));
        Ok(())
    }

    pub(super) fn conversation(&self) -> Conversation {
        let opening = self.user.map(|user| chain(self.system.unwrap_or(0), &user.to_le_bytes()));
        Conversation { opening, named: self.named, answered: self.answered }
    }

    pub(super) fn bounds(&self, body: &[u8], max_output: Option<u64>, choices: u32) -> Bounds {
        Bounds {
            body_bytes: body.len() as u64,
            parts: self.parts,
            max_output,
            choices: choices.max(1),
            refers_elsewhere: self.elsewhere,
        }
    }
}

/// A string, or the `id` of an object.
fn id_of<'a>(scan: &mut Scan<'a>) -> Option<&'a [u8]> {
    if scan.kind().ok()? == Kind::Object {
        scan.open_object().ok()?;
        let mut first = true;
        while let Some(key) = scan.key(&mut first).ok()? {
            if scan.slice(&key.inside) == b"id" {
                return id_of(scan);
            }
            scan.skip().ok()?;
        }
        return None;
    }
    let text = scan.string().ok()?;
    Some(scan.slice(&text.inside))
}

/// The key of a response's id, as [`Conversation::named`] has it when a later call names that response.
#[must_use]
pub fn named_key(id: &str) -> u64 {
    // As it stands in a body: with its quotes.
    chain(0, format!("\"{id}\"").as_bytes())
}

fn chain(before: u64, bytes: &[u8]) -> u64 {
    let mut hasher = FixedState::with_seed(SEED).build_hasher();
    hasher.write_u64(before);
    hasher.write(bytes);
    hasher.finish()
}

//! What a body says of models that may answer in the place of the asked one: `models` and `fallbacks`.
//!
//! A provider that falls back by itself would answer with a model that no list has seen. A list of names, or of objects
//! with a `model`, is read; whatever else is said leaves the choice open, and policy decides what that means. Nothing is
//! refused here but a `max_tokens` that is no count, as everywhere.

use sidegate_policy::{Fallbacks, Refusal};

use super::fields::{integer, name_of};
use super::reader::Reader;
use crate::scan::Kind;

/// Names at most; more leave the choice open.
const MOST: usize = 16;

/// What was said so far.
#[derive(Debug, Default)]
pub(super) struct Said {
    pub(super) models: Fallbacks,
    /// The most tokens that one of them may generate.
    max_tokens: Option<i64>,
}

impl Said {
    /// Reads the value of `models` or of `fallbacks`.
    pub(super) fn read(&mut self, r: &mut Reader<'_>) -> Result<(), Refusal> {
        match r.scan.kind()? {
            Kind::Array => r.array(|r| self.one(r)),
            _ => {
                self.models.open |= r.says_something()?;
                Ok(())
            }
        }
    }

    /// The limit of the asked model, or a larger one of its fallbacks.
    pub(super) fn limit(&self, asked: Option<i64>) -> Option<i64> {
        asked.map(|asked| asked.max(self.max_tokens.unwrap_or(asked)))
    }

    fn one(&mut self, r: &mut Reader<'_>) -> Result<(), Refusal> {
        let mut named = false;
        match r.scan.kind()? {
            Kind::String => named = self.name(r)?,
            Kind::Object => r.members(|r, key| match key {
                b"model" => {
                    named = self.name(r)?;
                    Ok(())
                }
                b"max_tokens" => {
                    self.max_tokens = self.max_tokens.max(integer(&mut r.scan, "max_tokens")?);
                    Ok(())
                }
                _ => r.skip(),
            })?,
            _ => r.skip()?,
        }
        self.models.open |= !named;
        Ok(())
    }

    /// A name; false if it is none.
    fn name(&mut self, r: &mut Reader<'_>) -> Result<bool, Refusal> {
        let Some(token) = r.string()? else { return Ok(false) };
        let name = name_of(&r.scan, &token).ok().filter(|_| self.models.named.len() < MOST);
        let known = name.is_some();
        self.models.named.extend(name);
        Ok(known)
    }
}

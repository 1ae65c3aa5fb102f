//! Command lines of the form `--name value`, and the one rule that both programs obey: loopback
//! addresses only, so that a mistyped address can never load a machine that is not ours.
//!
//! Not here: help texts. The README lists the flags; these programs are started by `run.py`.

use std::net::SocketAddr;
use std::str::FromStr;

use thiserror::Error;

/// A command line that cannot be used.
#[derive(Debug, Error)]
pub enum InvalidFlags {
    /// A word stands where a `--name` was expected.
    #[error("{0}: expected --name value")]
    NotAFlag(String),
    /// The last `--name` has no value.
    #[error("--{0} has no value")]
    NoValue(String),
    /// A flag that has no default is absent.
    #[error("--{0} is required")]
    Missing(&'static str),
    /// The value does not parse.
    #[error("--{name} {value}: not understood")]
    Value {
        /// The flag.
        name: &'static str,
        /// What stood after it.
        value: String,
    },
    /// The address is not a loopback address.
    #[error("--{name} {value}: only loopback addresses are allowed")]
    NotLoopback {
        /// The flag.
        name: &'static str,
        /// What stood after it.
        value: String,
    },
    /// Flags that this program does not have.
    #[error("--{0}: no such flag")]
    Unknown(String),
}

/// The flags of one command line, each taken at most once by the program that reads them.
#[derive(Debug)]
pub struct Flags(Vec<(String, String)>);

impl Flags {
    /// Reads `--name value` pairs.
    ///
    /// # Errors
    /// When a word is no flag or a flag has no value.
    pub fn parse(words: impl IntoIterator<Item = String>) -> Result<Self, InvalidFlags> {
        let (mut words, mut pairs) = (words.into_iter(), Vec::new());
        while let Some(word) = words.next() {
            let Some(name) = word.strip_prefix("--") else {
                return Err(InvalidFlags::NotAFlag(word));
            };
            let value = words.next().ok_or_else(|| InvalidFlags::NoValue(name.to_owned()))?;
            pairs.push((name.to_owned(), value));
        }
        Ok(Self(pairs))
    }

    /// Takes every value of a flag that may be repeated, in order.
    pub fn all(&mut self, name: &str) -> Vec<String> {
        let (taken, rest) = std::mem::take(&mut self.0).into_iter().partition(|(n, _)| n == name);
        self.0 = rest;
        let taken: Vec<(String, String)> = taken;
        taken.into_iter().map(|(_, value)| value).collect()
    }

    /// Takes a flag that may be absent; the last one given counts.
    ///
    /// # Errors
    /// When the value does not parse.
    pub fn opt<T: FromStr>(&mut self, name: &'static str) -> Result<Option<T>, InvalidFlags> {
        self.all(name).pop().map(|value| value.parse().map_err(|_| InvalidFlags::Value { name, value })).transpose()
    }

    /// Takes a flag that must be there.
    ///
    /// # Errors
    /// When it is absent or does not parse.
    pub fn required<T: FromStr>(&mut self, name: &'static str) -> Result<T, InvalidFlags> {
        self.opt(name)?.ok_or(InvalidFlags::Missing(name))
    }

    /// Takes a loopback address with its port.
    ///
    /// # Errors
    /// When it is absent, does not parse or is not a loopback address.
    pub fn loopback(&mut self, name: &'static str) -> Result<SocketAddr, InvalidFlags> {
        let addr: SocketAddr = self.required(name)?;
        if addr.ip().is_loopback() {
            Ok(addr)
        } else {
            Err(InvalidFlags::NotLoopback { name, value: addr.to_string() })
        }
    }

    /// Ends the reading: what nobody took is a mistake, not something to ignore.
    ///
    /// # Errors
    /// When a flag is left.
    pub fn end(self) -> Result<(), InvalidFlags> {
        match self.0.into_iter().next() {
            None => Ok(()),
            Some((name, _)) => Err(InvalidFlags::Unknown(name)),
        }
    }
}

#[cfg(test)]
mod tests;

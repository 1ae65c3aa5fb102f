//! The formats of texts: durations, decimal money, names. Each is a [`Form`] that the API server checks and a reader
//! beside it, which says the same words.

use std::time::Duration;

use kube::core::Rule;
use sidegate_policy::{Glob, Ratio};

/// Longest model name or glob, in characters.
const LONGEST_MODEL: usize = 256;
/// Nano-units in one unit of money.
const NANOS: u64 = 1_000_000_000;

/// A form that a text must have.
pub(crate) struct Form {
    /// RE2, which the API server speaks; no quotation marks.
    pub(crate) pattern: &'static str,
    /// What is said of a text that has another form.
    words: &'static str,
}

impl Form {
    /// That a field has it.
    pub(crate) fn rule(&self) -> Rule {
        Rule::new(self.of("self")).message(self.words)
    }

    /// Whether a text has it, as an expression.
    pub(crate) fn of(&self, text: &str) -> String {
        format!("{text}.matches(r\"{}\")", self.pattern)
    }

    /// That every text of a list has it.
    pub(crate) fn of_each(&self) -> Rule {
        Rule::new(format!("self.all(t, {})", self.of("t"))).message(self.words)
    }
}

/// A GEP-2257 duration.
pub(crate) const DURATION: Form =
    Form { pattern: "^([0-9]{1,5}(h|m|s|ms)){1,4}$", words: "must be a duration such as 500ms, 30s, 5m or 1h30m" };

/// A decimal of money, below what 64 bits of nano-dollars hold.
pub(crate) const MONEY: Form = Form {
    pattern: r"^(0|[1-9][0-9]{0,9}|1[0-7][0-9]{9})(\.[0-9]{1,9})?$",
    words: "must be a decimal text such as '0.15', below 18 billion, with at most 9 decimals",
};

/// A model's name, or a glob over such names: `^(\*|\*?[^*\s]+|[^*\s]+\*)$`, and white space is what Unicode calls so.
pub(crate) const GLOB: Form = Form {
    pattern: r"^(\*|\*?[^*\s\x0b\x85\p{Z}]+|[^*\s\x0b\x85\p{Z}]+\*)$",
    words: "must be a model's name, or one with * as its first or last character",
};

/// A model's name.
pub(crate) const MODEL: Form =
    Form { pattern: r"^[^*\s\x0b\x85\p{Z}]+$", words: "must be one model's name, without *" };

/// A DNS label.
pub(crate) const LABEL: Form = Form {
    pattern: "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$",
    words: "must be 1 to 63 lower-case letters, digits or -, beginning and ending with a letter or digit",
};

/// A DNS subdomain.
pub(crate) const OBJECT_NAME: Form = Form {
    pattern: r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$",
    words: "must be a name of lower-case letters, digits, - and ., at most 253 long",
};

/// The name of an entry of a list.
pub(crate) const ENTRY_NAME: Form = Form {
    pattern: "^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$",
    words: "must be 1 to 63 letters, digits, -, _ or ., beginning and ending with a letter or digit",
};

/// A key of a Secret or ConfigMap.
pub(crate) const DATA_KEY: Form =
    Form { pattern: "^[A-Za-z0-9._-]{1,253}$", words: "must be 1 to 253 letters, digits, -, _ or ." };

/// A header's name.
pub(crate) const HEADER_NAME: Form =
    Form { pattern: r"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$", words: "must be a header name, at most 64 long" };

/// A header's value.
pub(crate) const HEADER_VALUE: Form =
    Form { pattern: r"^\P{Cc}{1,256}$", words: "must be 1 to 256 characters, none of them a control character" };

/// A share of a whole.
pub(crate) const RATIO: Form = Form {
    pattern: r"^(0(\.[0-9]{1,9})?|1(\.0{1,9})?)$",
    words: "must be a decimal text from '0' to '1' such as '0.1', with at most 9 decimals",
};

/// A host, or a pattern over hosts. Only the end of a name says whose it is, so that a star stands at its beginning.
pub(crate) const HOST_GLOB: Form = Form {
    pattern: r"^(\*|(\*\.)?[a-z0-9_:]([a-z0-9._:-]{0,251}[a-z0-9_:])?)$",
    words: "must be a host in lower case such as vllm.shop.svc, or a pattern such as *.example.com, or *",
};

/// The key of a label.
pub(crate) const LABEL_KEY: Form = Form {
    pattern: r"^([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$",
    words: "must be the key of a label, such as team or example.com/team",
};

/// Words that make a header's name that of a credential.
pub(crate) const SECRET_WORDS: [&str; 16] = [
    "auth",
    "authorization",
    "authentication",
    "key",
    "apikey",
    "token",
    "jwt",
    "secret",
    "secrets",
    "cookie",
    "cookie2",
    "password",
    "passwd",
    "credential",
    "credentials",
    "signature",
];

/// Headers of one connection, which tell nothing of a call.
pub(crate) const CONNECTION_HEADERS: [&str; 9] = [
    "connection",
    "proxy-connection",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "host",
    "content-length",
];

/// A short text for people.
pub(crate) const FACT: Form =
    Form { pattern: r"^\P{Cc}{1,64}$", words: "must be 1 to 64 characters, none of them a control character" };

/// Reads a GEP-2257 duration, `^([0-9]{1,5}(h|m|s|ms)){1,4}$`.
///
/// # Errors
/// What is allowed, when `text` has another form.
pub fn duration(text: &str) -> Result<Duration, &'static str> {
    const FORM: &str = DURATION.words;
    let mut rest = text;
    let mut millis: u64 = 0;
    for _ in 0..4 {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, after) = rest.split_at_checked(digits).ok_or(FORM)?;
        if !(1..=5).contains(&digits) {
            return Err(FORM);
        }
        let number: u64 = number.parse().map_err(|_| FORM)?;
        let (unit, after) = [("ms", 1), ("h", 3_600_000), ("m", 60_000), ("s", 1000)]
            .into_iter()
            .find_map(|(name, unit)| after.strip_prefix(name).map(|after| (unit, after)))
            .ok_or(FORM)?;
        millis += number * unit;
        rest = after;
        if rest.is_empty() {
            return Ok(Duration::from_millis(millis));
        }
    }
    Err(FORM)
}

/// Reads `^(0|[1-9][0-9]{0,11})(\.[0-9]{1,9})?$` below 18 billion into billionths, exactly.
///
/// # Errors
/// What is allowed, when `text` has another form.
pub fn nanos(text: &str) -> Result<u64, &'static str> {
    const FORM: &str = MONEY.words;
    /// Eighteen billion units of nano-units fit 64 bits; no price comes near.
    const CEILING: u64 = 18_000_000_000;
    let (whole, fraction) = match text.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (text, None),
    };
    let digits = |t: &str, most: usize| (1..=most).contains(&t.len()) && t.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole, 11) || (whole.len() > 1 && whole.starts_with('0')) || !fraction.is_none_or(|f| digits(f, 9)) {
        return Err(FORM);
    }
    let whole: u64 = whole.parse().map_err(|_| FORM)?;
    let fraction: u64 = format!("{:0<9}", fraction.unwrap_or_default()).parse().map_err(|_| FORM)?;
    if whole < CEILING { Ok(whole * NANOS + fraction) } else { Err(FORM) }
}

/// Reads a share of a whole into parts of a billion.
///
/// # Errors
/// What is allowed, when `text` has another form.
pub fn ratio(text: &str) -> Result<Ratio, &'static str> {
    let parts = nanos(text).ok().and_then(|parts| u32::try_from(parts).ok());
    parts.and_then(Ratio::of_billion).ok_or(RATIO.words)
}

/// Reads a host, or a pattern over hosts.
///
/// # Errors
/// What is allowed, when `text` has another form.
pub fn host_glob(text: &str) -> Result<Glob, &'static str> {
    let host = text.strip_prefix("*.").unwrap_or(text);
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b':' | b'.' | b'-');
    let end = |b: Option<u8>| b.is_some_and(|b| inner(b) && !matches!(b, b'.' | b'-'));
    let named = host.len() <= 253 && host.bytes().all(inner) && end(host.bytes().next()) && end(host.bytes().last());
    if named || text == "*" { Glob::parse(text).map_err(|_| HOST_GLOB.words) } else { Err(HOST_GLOB.words) }
}

/// The key of a label.
///
/// # Errors
/// What is allowed, when `text` has another form.
pub fn label_key(text: &str) -> Result<(), &'static str> {
    let (domain, name) = text.split_once('/').map_or((None, text), |(domain, name)| (Some(domain), name));
    let ends = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-');
    let whole = |d: &str| d.len() <= 253 && d.bytes().all(plain) && ends(d.bytes().next()) && ends(d.bytes().last());
    if domain.is_none_or(whole) && entry_name(name).is_ok() { Ok(()) } else { Err(LABEL_KEY.words) }
}

/// Whether a header of that name, in any case, holds a credential.
#[must_use]
pub fn is_secret_header(name: &str) -> bool {
    name.to_ascii_lowercase().split(['-', '_', '.']).any(|word| SECRET_WORDS.contains(&word))
}

/// Whether a header of that name, in any case, is one of the connection and not of the call.
#[must_use]
pub fn is_connection_header(name: &str) -> bool {
    CONNECTION_HEADERS.contains(&&*name.to_ascii_lowercase())
}

/// Reads a model name or glob.
///
/// # Errors
/// What is allowed, when `text` has another form.
pub fn glob(text: &str) -> Result<Glob, &'static str> {
    let short = text.chars().count() <= LONGEST_MODEL;
    Glob::parse(text).ok().filter(|_| short).ok_or(if short { GLOB.words } else { "must not be longer than 256" })
}

/// Reads a model's name.
///
/// # Errors
/// What is allowed, when `text` has another form.
pub fn model(text: &str) -> Result<(), &'static str> {
    glob(text).ok().filter(|glob| glob.literal().is_some()).map(drop).ok_or(MODEL.words)
}

/// A DNS label: a namespace, or the name of a ServiceAccount's or workload's namespace.
///
/// # Errors
/// What is allowed, when `text` has another form.
pub fn label(text: &str) -> Result<(), &'static str> {
    let plain = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if plain && (1..=63).contains(&text.len()) && !text.starts_with('-') && !text.ends_with('-') {
        Ok(())
    } else {
        Err(LABEL.words)
    }
}

/// A DNS subdomain: the name of an object.
///
/// # Errors
/// What is allowed, when `text` has another form.
pub fn object_name(text: &str) -> Result<(), &'static str> {
    let plain = |part: &str| part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    let whole = |part: &str| !part.is_empty() && !part.starts_with('-') && !part.ends_with('-') && plain(part);
    if text.len() <= 253 && text.split('.').all(whole) { Ok(()) } else { Err(OBJECT_NAME.words) }
}

/// The name of an entry of a list: a credential, route or limit.
///
/// # Errors
/// What is allowed, when `text` has another form.
pub fn entry_name(text: &str) -> Result<(), &'static str> {
    let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    let ends = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_alphanumeric());
    let short = text.len() <= 63;
    if plain && short && ends(text.bytes().next()) && ends(text.bytes().last()) {
        Ok(())
    } else {
        Err(ENTRY_NAME.words)
    }
}

/// A key of a Secret or ConfigMap.
///
/// # Errors
/// What is allowed, when `text` has another form.
pub fn data_key(text: &str) -> Result<(), &'static str> {
    let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    if plain && (1..=253).contains(&text.len()) { Ok(()) } else { Err(DATA_KEY.words) }
}

/// The name of a header, as RFC 9110 has it.
///
/// # Errors
/// What is allowed, when `text` has another form.
pub fn header_name(text: &str) -> Result<(), &'static str> {
    let token = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b));
    if token && (1..=64).contains(&text.len()) { Ok(()) } else { Err(HEADER_NAME.words) }
}

/// The value of a header.
///
/// # Errors
/// What is allowed, when `text` has another form.
pub fn header_value(text: &str) -> Result<(), &'static str> {
    if printable(text, 256) { Ok(()) } else { Err(HEADER_VALUE.words) }
}

/// A short text for people: a region, a residency.
///
/// # Errors
/// What is allowed, when `text` has another form.
pub fn fact(text: &str) -> Result<(), &'static str> {
    if printable(text, 64) { Ok(()) } else { Err(FACT.words) }
}

/// Up to so many characters, at least one, and none of them a control character.
fn printable(text: &str, most: usize) -> bool {
    (1..=most).contains(&text.chars().count()) && !text.contains(char::is_control)
}

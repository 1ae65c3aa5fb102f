//! The formats of texts: durations, decimal money, names. Each reader says in its error what is allowed.

use std::time::Duration;

use sidegate_policy::Glob;

/// Longest model name or glob.
const LONGEST_MODEL: usize = 256;
/// Nano-units in one unit of money.
const NANOS: u64 = 1_000_000_000;

/// Reads a GEP-2257 duration, `^([0-9]{1,5}(h|m|s|ms)){1,4}$`.
///
/// # Errors
/// What is allowed, when `text` has another form.
pub fn duration(text: &str) -> Result<Duration, &'static str> {
    const FORM: &str = "must be a duration such as 500ms, 30s, 5m or 1h30m";
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

/// Reads `^(0|[1-9][0-9]{0,11})(\.[0-9]{1,9})?$` into billionths, exactly.
///
/// # Errors
/// What is allowed, when `text` has another form.
pub fn nanos(text: &str) -> Result<u64, &'static str> {
    const FORM: &str = "must be a decimal string such as \"0.15\": up to 12 digits, then up to 9 decimals";
    let (whole, fraction) = match text.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (text, None),
    };
    let digits = |t: &str, most: usize| (1..=most).contains(&t.len()) && t.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole, 12) || (whole.len() > 1 && whole.starts_with('0')) || !fraction.is_none_or(|f| digits(f, 9)) {
        return Err(FORM);
    }
    let whole: u64 = whole.parse().map_err(|_| FORM)?;
    let fraction: u64 = format!("{:0<9}", fraction.unwrap_or_default()).parse().map_err(|_| FORM)?;
    // Twelve digits of dollars pass what 64 bits of nano-dollars hold; no price comes near.
    whole.checked_mul(NANOS).and_then(|n| n.checked_add(fraction)).ok_or("must be below 18 billion")
}

/// Reads a model name or glob.
///
/// # Errors
/// What is allowed, when `text` has another form.
pub fn glob(text: &str) -> Result<Glob, String> {
    if text.len() > LONGEST_MODEL {
        return Err(format!("must not be longer than {LONGEST_MODEL} bytes"));
    }
    Glob::parse(text).map_err(|e| e.to_string())
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
        Err("must be 1 to 63 lower-case letters, digits or -, beginning and ending with a letter or digit")
    }
}

/// A DNS subdomain: the name of an object.
///
/// # Errors
/// What is allowed, when `text` has another form.
pub fn object_name(text: &str) -> Result<(), &'static str> {
    if text.len() <= 253 && text.split('.').all(|part| label(part).is_ok()) {
        Ok(())
    } else {
        Err("must be a name of lower-case letters, digits, - and ., at most 253 long")
    }
}

/// The name of an entry of a list: a credential, route or limit.
///
/// # Errors
/// What is allowed, when `text` has another form.
pub fn entry_name(text: &str) -> Result<(), &'static str> {
    let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    let ends = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_alphanumeric());
    if plain && text.len() <= 63 && ends(text.bytes().next()) && ends(text.bytes().last()) {
        Ok(())
    } else {
        Err("must be 1 to 63 letters, digits, -, _ or ., beginning and ending with a letter or digit")
    }
}

/// A key of a Secret or ConfigMap.
///
/// # Errors
/// What is allowed, when `text` has another form.
pub fn data_key(text: &str) -> Result<(), &'static str> {
    let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    if plain && (1..=253).contains(&text.len()) { Ok(()) } else { Err("must be 1 to 253 letters, digits, -, _ or .") }
}

/// The name of a header, as RFC 9110 has it.
///
/// # Errors
/// What is allowed, when `text` has another form.
pub fn header_name(text: &str) -> Result<(), &'static str> {
    let token = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b));
    if token && (1..=64).contains(&text.len()) { Ok(()) } else { Err("must be a header name, at most 64 long") }
}

/// A short text for people: a region, a residency.
///
/// # Errors
/// What is allowed, when `text` has another form.
pub fn fact(text: &str) -> Result<(), &'static str> {
    if (1..=64).contains(&text.len()) && !text.contains(char::is_control) {
        Ok(())
    } else {
        Err("must be 1 to 64 bytes without control characters")
    }
}

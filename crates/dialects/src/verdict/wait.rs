//! When the provider says it may be tried again: in seconds, milliseconds, dates and prose.

use std::time::Duration;

use http::HeaderMap;
use memchr::memmem;
use serde_json::Value;

use super::{Answer, Verdict};

/// No wait is longer; a longer one is garbage or means "not today".
const MAX_WAIT: Duration = Duration::from_secs(24 * 3600);

/// The wait that an answer asks for. `now_unix` is the time in seconds since 1970, for dates.
#[must_use]
pub fn retry_after(headers: &HeaderMap, body: &[u8], now_unix: u64) -> Option<Duration> {
    in_headers(headers, Some(now_unix)).or_else(|| in_body(body)).map(|wait| wait.min(MAX_WAIT))
}

/// `verdict` with the wait that needs no clock.
pub(super) fn with_wait(verdict: Verdict, answer: &Answer<'_>) -> Verdict {
    match verdict {
        Verdict::Quota { insufficient, .. } => {
            let wait = in_headers(answer.headers, None).or_else(|| in_body(answer.body));
            Verdict::Quota { retry_after: wait.map(|w| w.min(MAX_WAIT)), insufficient }
        }
        other => other,
    }
}

fn in_headers(headers: &HeaderMap, now_unix: Option<u64>) -> Option<Duration> {
    let value = |name: &str| headers.get(name).and_then(|v| v.to_str().ok()).map(str::trim);
    let millis = |name: &str| value(name).and_then(|v| v.parse::<f64>().ok()).and_then(|ms| seconds(ms / 1000.0));
    millis("retry-after-ms")
        .or_else(|| millis("x-ms-retry-after-ms"))
        .or_else(|| value("retry-after").and_then(|v| seconds_or_date(v, now_unix)))
        .or_else(|| resets(headers))
}

fn seconds(s: f64) -> Option<Duration> {
    (s.is_finite() && s >= 0.0).then(|| Duration::try_from_secs_f64(s.min(MAX_WAIT.as_secs_f64())).ok())?
}

fn seconds_or_date(value: &str, now_unix: Option<u64>) -> Option<Duration> {
    if let Ok(s) = value.parse::<f64>() {
        return seconds(s);
    }
    duration(value).or_else(|| {
        let at = http_date(value)?;
        Some(Duration::from_secs(at.saturating_sub(now_unix?)))
    })
}

/// The longest reset among the exhausted of `x-ratelimit-*`: the one that has nothing remaining.
fn resets(headers: &HeaderMap) -> Option<Duration> {
    let mut longest = None;
    for kind in ["requests", "tokens"] {
        let get = |part: &str| headers.get(format!("x-ratelimit-{part}-{kind}")).and_then(|v| v.to_str().ok());
        if get("remaining").is_some_and(|left| left.trim().parse::<u64>().is_ok_and(|n| n > 0)) {
            continue;
        }
        longest = longest.max(get("reset").and_then(|v| duration(v.trim())));
    }
    longest
}

/// `120ms`, `17.575s`, `6m0s`, `1h2m3s`, or bare seconds.
fn duration(text: &str) -> Option<Duration> {
    if let Ok(s) = text.parse::<f64>() {
        return seconds(s);
    }
    if text.is_empty() {
        return None;
    }
    let mut total = 0.0;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest.get(..digits)?.parse().ok()?;
        let unit = rest.get(digits..)?;
        let unit_len = unit.find(|c: char| c.is_ascii_digit()).unwrap_or(unit.len());
        let scale = match unit.get(..unit_len)? {
            "ms" => 0.001,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            "d" => 86_400.0,
            _ => return None,
        };
        total += number * scale;
        rest = unit.get(unit_len..)?;
    }
    seconds(total)
}

/// Google's `RetryInfo.retryDelay`, or prose that says when.
fn in_body(body: &[u8]) -> Option<Duration> {
    retry_info(body).or_else(|| try_again_in(body))
}

/// `Please try again in 1.5s.`
fn try_again_in(body: &[u8]) -> Option<Duration> {
    const WORDS: &[u8] = b"try again in ";
    let at = memmem::find(body, WORDS)?;
    let rest = body.get(at + WORDS.len()..)?;
    let len = rest.iter().take(32).take_while(|b| b.is_ascii_alphanumeric() || **b == b'.').count();
    let text = std::str::from_utf8(rest.get(..len)?).ok()?;
    let text = text.trim_end_matches('.');
    // A bare number would be of a unit that follows in words.
    if text.ends_with(|c: char| c.is_ascii_digit()) { None } else { duration(text) }
}

fn retry_info(body: &[u8]) -> Option<Duration> {
    memmem::find(body, b"retryDelay")?;
    let value: Value = serde_json::from_slice(body).ok()?;
    let value = value.as_array().map_or(Some(&value), |list| list.first())?;
    let details = value.get("error")?.get("details")?.as_array()?;
    details.iter().find_map(|d| d.get("retryDelay")?.as_str()).and_then(duration)
}

/// Seconds since 1970 of an HTTP date (`Sun, 06 Nov 1994 08:49:37 GMT`), the one form that is still sent.
fn http_date(text: &str) -> Option<u64> {
    let (_, rest) = text.split_once(", ")?;
    let mut words = rest.split_ascii_whitespace();
    let day: u64 = words.next()?.parse().ok()?;
    let month = words.next()?;
    let year: u64 = words.next()?.parse().ok()?;
    let mut clock = words.next()?.split(':').map(str::parse::<u64>);
    let (hour, minute, second) = (clock.next()?.ok()?, clock.next()?.ok()?, clock.next()?.ok()?);
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let month = MONTHS.iter().position(|m| *m == month)? as u64 + 1;
    if !(1970..=9999).contains(&year) || !(1..=31).contains(&day) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    Some(days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second)
}

/// Days since 1970 of a date in the Gregorian calendar, with the year counted from March.
fn days(year: u64, month: u64, day: u64) -> u64 {
    let (y, m) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = y / 4 - y / 100 + y / 400;
    y * 365 + leap_days + (m * 153 + 2) / 5 + day - 1 - 719_468
}

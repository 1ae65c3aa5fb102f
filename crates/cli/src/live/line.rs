//! An audit line as it comes from a sidecar: the fields that are shown here, and how a call reads in one line.
//!
//! `docs/audit.md` says what each field means. What is missing reads as nothing, and what is unknown is passed over, so
//! that lines of older and newer sidecars are read too. Nothing in it is acted on by a terminal.

use jiff::Timestamp;
use serde::Deserialize;
use sidegate_policy::Nanos;

/// One call.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Line {
    pub time: Option<Timestamp>,
    pub request_id: String,
    pub service_account: String,
    pub dialect: String,
    pub operation: String,
    pub model: String,
    pub stream: bool,
    pub input_bound: Option<u64>,
    pub output_bound: Option<u64>,
    pub outcome: String,
    pub status: Option<u16>,
    pub class: String,
    pub reason: String,
    pub refused_by: String,
    pub policy_version: String,
    pub rule: String,
    pub generation: Option<i64>,
    pub pinned: bool,
    pub lost: Vec<Lost>,
    pub left_out: Vec<LeftOut>,
    pub dry_run: Option<DryRun>,
    pub limits_would_refuse: Vec<String>,
    pub response_model: String,
    pub response_id: String,
    pub finish_reason: String,
    #[serde(flatten)]
    pub took: Took,
    pub anomalies: Vec<String>,
    pub price_version: String,
    pub first_event_us: Option<u64>,
    pub duration_us: u64,
    pub bytes_in: u64,
    pub bytes_out: u64,
    pub attempts: Vec<Attempt>,
    pub trace_id: String,
}

/// A route that lost.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Lost {
    pub rule: String,
    pub why: String,
}

/// A target that could not be used.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct LeftOut {
    pub provider: String,
    pub model: String,
    pub why: String,
    pub rule: String,
}

/// What objects in dry run would have done.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct DryRun {
    pub result: String,
    pub class: String,
    pub rule: String,
}

/// Tokens and money.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Took {
    pub input_tokens: Option<u64>,
    pub output_tokens: Option<u64>,
    pub cache_read_tokens: Option<u64>,
    pub usage_source: String,
    pub cost: String,
    pub cost_nanodollars: Option<i64>,
}

/// One request to a provider.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Attempt {
    pub provider: String,
    pub credential: String,
    pub model: String,
    pub status: Option<u16>,
    pub class: String,
    pub reason: String,
    pub sent: bool,
    #[serde(flatten)]
    pub took: Took,
    pub upstream_request_id: String,
    pub start_us: u64,
    pub duration_us: u64,
}

impl Line {
    /// The line in columns, without a line break. Whose call it is, is what the control plane says.
    pub fn tell(&self, namespace: &str, workload: &str, pod: &str, colour: bool) -> String {
        let at = self.time.map_or_else(String::new, |time| time.strftime("%H:%M:%S").to_string());
        let name = if workload.is_empty() { pod } else { workload };
        let whose = format!("{namespace}/{}", name.rsplit('/').next().unwrap_or(name));
        let first = self.first_event_us.map_or_else(|| "first -".to_owned(), |us| format!("first {}", time(us)));
        let total = format!("total {}", time(self.duration_us));
        let (used, cost) = (self.took.tokens(), self.took.money());
        let line = format!(
            "{at} {whose:<20} {:<40} {:<12} {used:<28} {cost:<11} {first:<13} {total:<13} ",
            self.path(),
            self.short_rule()
        );
        let outcome = plain(&self.ended());
        let outcome = if colour { format!("\u{1b}[{}m{outcome}\u{1b}[0m", self.colour()) } else { outcome };
        plain(&line) + &outcome + " " + &plain(&self.request_id)
    }

    /// `fast → openai/gpt-4o-mini`, with the number of attempts if there were several.
    fn path(&self) -> String {
        let asked = if self.model.is_empty() { &self.operation } else { &self.model };
        let asked = if asked.is_empty() { "?" } else { asked };
        let Some(last) = self.attempts.last() else { return asked.to_owned() };
        let several = self.attempts.len();
        let times = if several > 1 { format!(" ({several} attempts)") } else { String::new() };
        let provider = last.provider.rsplit('/').next().unwrap_or_default();
        format!("{asked} → {provider}/{}{times}", last.model)
    }

    /// The name of the route, or the rule that refused.
    fn short_rule(&self) -> String {
        if !self.refused_by.is_empty() {
            return self.refused_by.clone();
        }
        let route = self.rule.split_once("spec.routes[").and_then(|(_, rest)| rest.strip_suffix(']'));
        let rule = route.unwrap_or(&self.rule);
        if rule.is_empty() { "-".to_owned() } else { rule.to_owned() }
    }

    /// `200`, or how else it ended.
    pub fn ended(&self) -> String {
        match (self.outcome.as_str(), self.status) {
            ("answered", Some(status)) => status.to_string(),
            ("client_cancelled", _) => "client cancelled".to_owned(),
            (outcome, _) => [outcome, &self.class, &self.reason].join(" ").trim().to_owned(),
        }
    }

    fn colour(&self) -> u8 {
        match (self.outcome.as_str(), self.status) {
            ("answered", Some(..400)) => 32,
            ("client_cancelled", _) => 33,
            _ => 31,
        }
    }
}

impl Took {
    /// `in 12 out 34 cached 5`
    pub fn tokens(&self) -> String {
        let (Some(input), Some(output)) = (self.input_tokens, self.output_tokens) else {
            return "tokens unknown".to_owned();
        };
        let about = if self.usage_source == "estimated" { "~" } else { "" };
        format!("in {about}{input} out {about}{output} cached {}", self.cache_read_tokens.unwrap_or(0))
    }

    /// `$0.000123`
    pub fn money(&self) -> String {
        match (self.cost.as_str(), self.cost_nanodollars) {
            (_, Some(nanos)) => format!("${}", Nanos(nanos.into())),
            ("", None) => "-".to_owned(),
            ("unknown", None) => "unpriced".to_owned(),
            (word, None) => word.to_owned(),
        }
    }
}

/// `850µs`, `12.3ms`, `1.23s`
pub fn time(micros: u64) -> String {
    match micros {
        0..1_000 => format!("{micros}µs"),
        1_000..1_000_000 => format!("{}.{}ms", micros / 1_000, micros % 1_000 / 100),
        _ => format!("{}.{:02}s", micros / 1_000_000, micros % 1_000_000 / 10_000),
    }
}

/// Without anything that a terminal acts on.
pub fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect()
}

//! A call as a tree: what was asked, decided, held and tried, and how it ended.

use super::Trace;
use crate::live::line::{Attempt, LeftOut, Line, plain, time};

/// A line, and what is below it.
pub(super) struct Node {
    text: String,
    below: Vec<Node>,
}

impl Node {
    fn leaf(text: impl Into<String>) -> Self {
        Self { text: text.into(), below: Vec::new() }
    }

    /// The tree as text, with a line break at its end.
    pub(super) fn tell(&self) -> String {
        let mut text = format!("{}\n", plain(&self.text));
        self.tell_below("", &mut text);
        text
    }

    fn tell_below(&self, indent: &str, text: &mut String) {
        for (at, node) in self.below.iter().enumerate() {
            let last = at + 1 == self.below.len();
            let (branch, more) = if last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
            text.push_str(&format!("{indent}{branch}{}\n", plain(&node.text)));
            node.tell_below(&format!("{indent}{more}"), text);
        }
    }
}

/// The tree of a call.
pub(super) fn of(trace: &Trace) -> Node {
    let line = &trace.line;
    let at = line.time.map_or_else(String::new, |time| format!(" at {time}"));
    let parts = [trace.workload.clone(), service_account(line)];
    let parts = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ");
    let part_of = if parts.is_empty() { String::new() } else { format!(" ({parts})") };
    let text = format!("Call {}{at} of pod {}/{}{part_of}", line.request_id, trace.namespace, trace.pod);
    let mut below = vec![Node::leaf(asked(line)), decided(trace)];
    below.extend(held(line));
    below.extend(line.attempts.iter().enumerate().map(|(at, attempt)| tried(at, attempt)));
    below.push(ended(line));
    Node { text, below }
}

fn service_account(line: &Line) -> String {
    if line.service_account.is_empty() { String::new() } else { format!("ServiceAccount {}", line.service_account) }
}

fn asked(line: &Line) -> String {
    let model = if line.model.is_empty() { "no model" } else { &line.model };
    let how = [line.dialect.as_str(), line.operation.as_str(), if line.stream { "streamed" } else { "" }];
    let how: Vec<&str> = how.into_iter().filter(|word| !word.is_empty()).collect();
    let trace = if line.trace_id.is_empty() { String::new() } else { format!(", in trace {}", line.trace_id) };
    format!("asked for {model} ({}), {} bytes{trace}", how.join(", "), line.bytes_in)
}

fn decided(trace: &Trace) -> Node {
    let line = &trace.line;
    let generation = line.generation.map_or_else(String::new, |generation| format!(" (generation {generation})"));
    let by = match line.rule.as_str() {
        "" if line.refused_by.is_empty() => "not decided".to_owned(),
        "" => format!("refused by {}", line.refused_by),
        "accessible" => "no route names the model: the accessible provider of its dialect".to_owned(),
        rule => format!("routed by {rule}{generation}"),
    };
    let version: String = line.policy_version.chars().take(12).collect();
    let version = if version.is_empty() { "no policy".to_owned() } else { format!("policy {version}") };
    let mut below = Vec::new();
    if line.pinned {
        below.push(Node::leaf("an earlier turn of the conversation put its target first"));
    }
    below.extend(trace.considered.iter().enumerate().map(|(at, place)| {
        let suspended = if place.suspended { ", its circuit out like all others" } else { "" };
        let (provider, model, priority) = (&place.provider, &place.model, place.priority);
        Node::leaf(format!("target {} {provider}/{model}, priority {priority}{suspended}", at + 1))
    }));
    below.extend(line.left_out.iter().map(|left| Node::leaf(left_out(left))));
    below.extend(line.lost.iter().map(|lost| Node::leaf(format!("route {} lost: {}", lost.rule, lost.why))));
    below.extend(line.dry_run.as_ref().map(|dry| {
        let words = [dry.result.as_str(), &dry.class, &dry.rule];
        Node::leaf(format!("dry run: {}", words.into_iter().filter(|w| !w.is_empty()).collect::<Vec<_>>().join(" ")))
    }));
    below.extend(line.limits_would_refuse.iter().map(|rule| Node::leaf(format!("dry run: {rule} would refuse"))));
    Node { text: format!("{by}, {version}"), below }
}

fn left_out(left: &LeftOut) -> String {
    let by = if left.rule.is_empty() { String::new() } else { format!(" by {}", left.rule) };
    format!("target {}/{} left out: {}{by}", left.provider, left.model, left.why)
}

/// What was held against what was taken.
fn held(line: &Line) -> Option<Node> {
    let (input, output) = (line.input_bound?, line.output_bound?);
    let against = |bound: u64, taken: Option<u64>| match taken {
        Some(taken) if bound > 0 => format!("{taken} of {bound} ({}%)", taken.saturating_mul(100) / bound),
        Some(taken) => format!("{taken} of {bound}"),
        None => format!("? of {bound}"),
    };
    let (input, output) = (against(input, line.took.input_tokens), against(output, line.took.output_tokens));
    Some(Node::leaf(format!("took of what was held: in {input}, out {output} tokens")))
}

fn tried(at: usize, attempt: &Attempt) -> Node {
    let key = if attempt.credential.is_empty() { "no key".to_owned() } else { format!("key {}", attempt.credential) };
    let status = attempt.status.map_or_else(|| "no answer".to_owned(), |status| status.to_string());
    let words = [status.as_str(), &attempt.class, &attempt.reason];
    let answer = words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    let when = format!("after {} for {}", time(attempt.start_us), time(attempt.duration_us));
    let text = format!("attempt {} {}/{} with {key}: {answer}, {when}", at + 1, attempt.provider, attempt.model);
    let mut below = Vec::new();
    if attempt.sent {
        below.push(Node::leaf(format!("{}, {}", attempt.took.tokens(), attempt.took.money())));
    } else {
        below.push(Node::leaf("not sent"));
    }
    if !attempt.upstream_request_id.is_empty() {
        below.push(Node::leaf(format!("the provider calls it {}", attempt.upstream_request_id)));
    }
    Node { text, below }
}

fn ended(line: &Line) -> Node {
    let first = line.first_event_us.map_or_else(String::new, |us| format!(", first event after {}", time(us)));
    let text = format!("ended with {} after {}{first}, {} bytes", line.ended(), time(line.duration_us), line.bytes_out);
    let prices = &line.price_version;
    let by = if prices.is_empty() { String::new() } else { format!(" by {prices}") };
    let mut below = vec![Node::leaf(format!("{}, {}{by}", line.took.tokens(), line.took.money()))];
    let answer = [("model", &line.response_model), ("id", &line.response_id), ("finished by", &line.finish_reason)];
    let answer = answer.into_iter().filter(|(_, text)| !text.is_empty()).map(|(name, text)| format!("{name} {text}"));
    let answer = answer.collect::<Vec<_>>().join(", ");
    if !answer.is_empty() {
        below.push(Node::leaf(format!("the answer's {answer}")));
    }
    if !line.anomalies.is_empty() {
        below.push(Node::leaf(format!("does not add up: {}", line.anomalies.join(", "))));
    }
    Node { text, below }
}

//! Faults of what is said: events that are no answer, and answers retouched.

use bytes::Bytes;
use http::StatusCode;

use super::{MAX_FILLER, Spoilt, sends};
use crate::sim::answer::Event;
use crate::sim::ask::Reject;
use crate::sim::bill::Outcome;
use crate::sim::dialect::Dialect;
use crate::sim::fault::{Fault, LineEnd, UsageAs};
use crate::sim::reply::Usage;
use crate::sim::script::Step;
use crate::sim::{refusal, retouch};

impl Spoilt {
    pub(super) fn retouch(&mut self, fault: &Fault) {
        let empties = matches!(fault, Fault::EmptyChoices {});
        let missing = matches!(
            fault,
            Fault::Usage {
                spoilt: UsageAs::Missing
            }
        );
        if let Fault::Overbill { output } = fault {
            self.play.usage.output += output;
        }
        if empties {
            self.play.usage = Usage {
                output: 0,
                reasoning: 0,
                ..self.play.usage
            };
            self.play.end = Outcome::Error;
        }
        let (usage, last) = (self.play.usage, self.play.steps.len().saturating_sub(1));
        let touched = sends(&self.play.steps)
            .enumerate()
            .filter_map(|(n, event)| {
                let before = retouch::read(&event.bytes);
                let kind = before
                    .as_ref()
                    .and_then(|value| value.get("type")?.as_str());
                let says = kind.is_some_and(|kind| {
                    kind.starts_with("content_block")
                        || kind.starts_with("response.output")
                        || kind.starts_with("response.content")
                });
                // Without it, OpenAI's chunk for the usage has nothing left to say.
                let only_usage = before.as_ref().is_some_and(|value| {
                    value.pointer("/choices/0").is_none()
                        && value.get("usage").is_some_and(|usage| !usage.is_null())
                        && value.get("choices").is_some()
                });
                if (empties && says) || (missing && only_usage) {
                    return None;
                }
                let bytes = retouch::json_in(&event.bytes, |value| match fault {
                    Fault::Usage { spoilt } => retouch::usage(value, *spoilt),
                    Fault::Overbill { output } => retouch::overbill(value, *output),
                    _ => retouch::silence(value),
                });
                let output = if n == last {
                    usage.output
                } else {
                    event.output.min(usage.output)
                };
                Some(Step::Send(Event { bytes, output }))
            });
        self.play.steps = touched.collect();
        self.measure();
    }

    pub(super) fn events(&mut self, dialect: Dialect, fault: &Fault) {
        if let Fault::Reframe {
            line_end,
            comments,
            bom,
            tight,
        } = fault
        {
            let mut first = *bom;
            let reframed = sends(&self.play.steps).map(|event| {
                let mark = if std::mem::take(&mut first) {
                    "\u{feff}"
                } else {
                    ""
                };
                let bytes = reframe(&event.bytes, *line_end, *comments, *tight);
                let bytes = Bytes::from([mark.as_bytes(), &bytes].concat());
                Step::Send(Event {
                    bytes,
                    output: event.output,
                })
            });
            self.play.steps = reframed.collect();
            self.measure();
            return;
        }
        let (at, text, ends) = match fault {
            Fault::GarbageEvent { after_event } => {
                (*after_event, "data: {\"broken\": \n\n".to_owned(), false)
            }
            Fault::HugeEvent { bytes, after_event } => {
                let filler = "h".repeat((*bytes).min(MAX_FILLER));
                (
                    *after_event,
                    format!("data: {{\"huge\": \"{filler}\"}}\n\n"),
                    false,
                )
            }
            Fault::ErrorEvent { after_event } => (*after_event, error_event(dialect), true),
            _ => return,
        };
        self.steps(|steps| {
            let at = at.min(steps.len());
            let before = at.checked_sub(1).and_then(|n| steps.get(n));
            let output = match before {
                Some(Step::Send(event)) => event.output,
                _ => 0,
            };
            if ends {
                steps.truncate(at);
            }
            steps.insert(
                at,
                Step::Send(Event {
                    bytes: Bytes::from(text),
                    output,
                }),
            );
        });
        if ends {
            self.play.end = Outcome::Error;
        }
        self.measure();
    }
}

fn error_event(dialect: Dialect) -> String {
    let status = match dialect {
        Dialect::Anthropic => StatusCode::from_u16(529).unwrap_or(StatusCode::SERVICE_UNAVAILABLE),
        Dialect::OpenAi | Dialect::Gemini => StatusCode::SERVICE_UNAVAILABLE,
    };
    let message = "Overloaded".to_owned();
    let body = refusal::body(
        dialect,
        &Reject {
            status,
            code: "",
            message,
        },
    );
    match dialect {
        Dialect::Anthropic => format!("event: error\ndata: {body}\n\n"),
        Dialect::OpenAi => format!("data: {body}\n\n"),
        Dialect::Gemini => format!("data: {body}\r\n\r\n"),
    }
}

fn reframe(bytes: &Bytes, line_end: LineEnd, comments: bool, tight: bool) -> Vec<u8> {
    let mut text = String::from_utf8_lossy(bytes).replace("\r\n", "\n");
    if tight {
        text = text.replace("data: ", "data:").replace("event: ", "event:");
    }
    if comments {
        text = format!(": a comment\n{text}");
    }
    match line_end {
        LineEnd::Lf => text,
        LineEnd::Crlf => text.replace('\n', "\r\n"),
        LineEnd::Cr => text.replace('\n', "\r"),
    }
    .into_bytes()
}

//! The simulator's own paths, under `/_sim/`.
//!
//! | path | methods | what |
//! |---|---|---|
//! | `/_sim/health` | GET | 200 |
//! | `/_sim/bill` | GET, DELETE | [`Statement`](super::bill::Statement) |
//! | `/_sim/faults` | GET, POST, DELETE | a list of [`Rule`]s; POST adds a rule or a list |
//! | `/_sim/answers` | GET, PUT | [`Answers`] |
//!
//! Nothing guards them: the simulator is for loopback and for tests.

use bytes::Bytes;
use http::StatusCode;
use http::request::Parts;
use serde_json::{Value, json};

use super::Simulator;
use super::answer::Answer;
use super::config::Answers;
use super::fault::{Rule, list_of};
use super::reply::Usage;

/// Where these paths begin.
pub(crate) const ROOT: &str = "/_sim/";

/// Answers a request for one of these paths.
pub(crate) fn answer(sim: &Simulator, head: &Parts, body: &Bytes) -> Answer {
    let path = head.uri.path().strip_prefix(ROOT).unwrap_or_default();
    match (head.method.as_str(), path) {
        ("GET", "health") => said(&json!({"status": "ok"})),
        ("GET", "bill") => said(&json!(sim.bill().statement())),
        ("DELETE", "bill") => {
            sim.bill().clear();
            said(&json!({}))
        }
        ("GET", "faults") => said(&json!(sim.state.rules.all())),
        ("DELETE", "faults") => {
            sim.clear_faults();
            said(&json!({}))
        }
        ("POST", "faults") => match serde_json::from_slice(body).and_then(list_of) {
            Ok(rules) => added(sim, rules),
            Err(error) => wrong(&format!("not a fault rule or a list of them: {error}")),
        },
        ("GET", "answers") => said(&json!(sim.answers())),
        ("PUT", "answers") => match serde_json::from_slice::<Answers>(body) {
            Ok(answers) => {
                sim.set_answers(answers);
                said(&json!({}))
            }
            Err(error) => wrong(&format!("not an answers object: {error}")),
        },
        (method, _) => {
            let message = format!("no such path: {method} {}", head.uri.path());
            failed(StatusCode::NOT_FOUND, &message)
        }
    }
}

fn added(sim: &Simulator, rules: Vec<Rule>) -> Answer {
    if sim.state.rules.add(rules) {
        said(&json!({"rules": sim.state.rules.all().len()}))
    } else {
        wrong("too many rules in force")
    }
}

fn said(body: &Value) -> Answer {
    Answer::json(StatusCode::OK, body, Usage::default())
}

fn wrong(message: &str) -> Answer {
    failed(StatusCode::BAD_REQUEST, message)
}

fn failed(status: StatusCode, message: &str) -> Answer {
    Answer::json(status, &json!({"error": message}), Usage::default())
}

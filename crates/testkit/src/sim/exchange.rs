//! One request, from its head to the body that answers it.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use bytes::{Bytes, BytesMut};
use foldhash::fast::FixedState;
use http::request::Parts;
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;

use super::Simulator;
use super::answer::Answer;
use super::ask::{self, Ask, Reject, Stream};
use super::bill::{Charge, Entry, Outcome};
use super::caller::{self, Presented};
use super::config::{Answers, MAX_BODY};
use super::dialect::{Dialect, Place, place};
use super::script::{Play, Script};
use super::{openai, refusal, reply};

/// The name of the model that never exists.
const NO_MODEL: &str = "does-not-exist";

/// Most answers that are kept ready.
const READY: usize = 256;

/// Answers kept ready, by the digest of their request.
#[derive(Default)]
pub(crate) struct Ready(Mutex<HashMap<u64, Play, FixedState>>);

impl Ready {
    fn get(&self, digest: u64) -> Option<Play> {
        self.lock().get(&digest).cloned()
    }

    fn put(&self, digest: u64, play: Play) {
        let mut ready = self.lock();
        if ready.len() >= READY {
            ready.clear();
        }
        ready.insert(digest, play);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Play, FixedState>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why a request gets no response through hyper.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoResponse {
    /// The client went away before its body had arrived.
    #[error("the client went away")]
    ClientGone,
}

/// Answers one request.
pub(crate) async fn answer(
    sim: &Simulator,
    request: Request<Incoming>,
) -> Result<Response<Script>, NoResponse> {
    let (head, body) = request.into_parts();
    let versioned = head.headers.contains_key("anthropic-version");
    let place = place(&head.method, head.uri.path(), versioned);
    let presented = caller::presented(sim, &head, place.as_ref());
    let mut charge = open(sim, &head, place.as_ref(), &presented);
    let answers = caller::wanted(sim.answers(), &head);
    let play = match (place, gather(body).await) {
        (_, Err(Lost::ClientGone)) => return Err(NoResponse::ClientGone),
        (Some(place), Ok(body)) => {
            let seen = Seen {
                sim,
                head: &head,
                place: &place,
                body: &body,
                answers: &answers,
            };
            seen.play(&presented, &charge)
        }
        (None, Ok(_)) => Play::of(refusal::answer(Dialect::OpenAi, &no_such_path(&head))),
        (place, Err(Lost::TooLarge)) => {
            let dialect = place.map_or(Dialect::OpenAi, |place| place.dialect);
            Play::of(refusal::answer(dialect, &too_large()))
        }
    };
    charge.note(|entry| entry.status = play.status.as_u16());
    charge.accept(play.usage, play.generated_first());
    Ok(play.respond(Duration::from_millis(answers.pause_ms), charge))
}

/// A request that has arrived in full.
struct Seen<'a> {
    sim: &'a Simulator,
    head: &'a Parts,
    place: &'a Place,
    body: &'a Bytes,
    answers: &'a Answers,
}

impl Seen<'_> {
    fn play(&self, presented: &Presented, charge: &Charge) -> Play {
        let config = &self.sim.state.config;
        if *presented == Presented::Wrong {
            let reject = refusal::wrong_key(self.place.dialect);
            return Play::of(refusal::answer(self.place.dialect, &reject));
        }
        let digest = self.digest();
        if !config.bill
            && let Some(play) = self.sim.state.ready.get(digest)
        {
            return play;
        }
        charge.note(|entry| {
            entry.body_sha256 = hex(digest_of(self.body).as_ref());
            entry.body_bytes = self.body.len() as u64;
            entry.body = config.bill_bodies.then(|| self.body.clone());
        });
        let play = Play::of(self.answer(charge, digest));
        if !config.bill {
            self.sim.state.ready.put(digest, play.clone());
        }
        play
    }

    fn answer(&self, charge: &Charge, digest: u64) -> Answer {
        let sse = caller::query(self.head, "alt") == Some("sse");
        let asked = ask::read(self.place, self.body, sse).and_then(|ask| {
            charge.note(|entry| {
                entry.model.clone_from(&ask.model);
                entry.stream = ask.stream != Stream::No;
            });
            self.exists(ask)
        });
        match asked {
            Ok(ask) => self.render(&ask, digest),
            Err(reject) => refusal::answer(self.place.dialect, &reject),
        }
    }

    fn exists(&self, ask: Ask) -> Result<Ask, Reject> {
        match ask.model.as_str() {
            NO_MODEL => Err(refusal::no_model(self.place.dialect, NO_MODEL)),
            _ => Ok(ask),
        }
    }

    fn render(&self, ask: &Ask, digest: u64) -> Answer {
        let reply = reply::compose(ask, self.answers, digest);
        openai::render(self.place, ask, &reply)
    }

    /// What makes equal requests equal: the target, the answers' shape, the body.
    fn digest(&self) -> u64 {
        let mut hasher = FixedState::default().build_hasher();
        self.head
            .uri
            .path_and_query()
            .map(|target| target.as_str())
            .hash(&mut hasher);
        self.answers.hash(&mut hasher);
        self.body.hash(&mut hasher);
        hasher.finish()
    }
}

fn open(sim: &Simulator, head: &Parts, place: Option<&Place>, presented: &Presented) -> Charge {
    if !sim.state.config.bill {
        return Charge::off();
    }
    sim.state.bill.open(Entry {
        id: 0,
        at_ms: 0,
        dialect: place.map(|place| place.dialect),
        operation: place.map(|place| place.operation),
        method: head.method.to_string(),
        path: head.uri.path().to_owned(),
        key: match presented {
            Presented::Named(name) => Some(name.clone()),
            Presented::Any | Presented::Wrong => None,
        },
        model: place
            .and_then(|place| place.model.clone())
            .unwrap_or_default(),
        stream: place.is_some_and(|place| place.stream),
        body_sha256: String::new(),
        body_bytes: 0,
        body: None,
        headers: caller::kept_headers(head),
        prompt_tokens: 0,
        cached_tokens: 0,
        cache_write_tokens: 0,
        output_tokens: 0,
        reasoning_tokens: 0,
        bytes_sent: 0,
        status: 0,
        fault: None,
        outcome: Outcome::Open,
    })
}

enum Lost {
    ClientGone,
    TooLarge,
}

async fn gather(mut body: Incoming) -> Result<Bytes, Lost> {
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Lost::ClientGone)?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if first.len() + all.len() + data.len() > MAX_BODY {
            return Err(Lost::TooLarge);
        }
        if first.is_empty() && all.is_empty() {
            first = data;
            continue;
        }
        if all.is_empty() {
            all.extend_from_slice(&std::mem::take(&mut first));
        }
        all.extend_from_slice(&data);
    }
    Ok(if all.is_empty() { first } else { all.freeze() })
}

fn digest_of(body: &Bytes) -> aws_lc_rs::digest::Digest {
    digest(&SHA256, body)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn no_such_path(head: &Parts) -> Reject {
    let message = format!("Unknown request URL: {} {}.", head.method, head.uri.path());
    Reject {
        status: StatusCode::NOT_FOUND,
        code: "unknown_url",
        message,
    }
}

fn too_large() -> Reject {
    let message = format!("the body is larger than {MAX_BODY} bytes");
    Reject {
        status: StatusCode::PAYLOAD_TOO_LARGE,
        code: "request_too_large",
        message,
    }
}

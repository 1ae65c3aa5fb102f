//! One request, from its head to the body that answers it.

use std::hash::{BuildHasher, Hash, Hasher};
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use bytes::Bytes;
use foldhash::fast::FixedState;
use http::header::HOST;
use http::request::Parts;
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;

use super::answer::Answer;
use super::ask::{self, Ask, Reject, Stream};
use super::bill::{Charge, Entry, Outcome};
use super::caller::{self, Presented};
use super::config::{Answers, MAX_BODY};
use super::connection::Door;
use super::dialect::{Dialect, Place, place};
use super::fault::{Facts, Fault, Never, Spoilt, spoil};
use super::raw::ByHand;
use super::script::{Play, Script};
use super::upload::{Lost, gather};
use super::{Simulator, admin, anthropic, gemini, openai, refusal, reply};

/// The name of the model that never exists.
const NO_MODEL: &str = "does-not-exist";

/// The header by which a request asks for its own fault.
const FAULT: &str = "x-sim-fault";

/// Why a request gets no response through hyper.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoResponse {
    /// The client went away before its body had arrived.
    #[error("the client went away")]
    ClientGone,
    /// The answer is written by hand, once hyper has let go.
    #[error("the answer is written by hand")]
    ByHand,
    /// There is none, on purpose.
    #[error("the simulated provider does not answer")]
    Cut,
}

/// Answers one request.
pub(crate) async fn answer(
    sim: &Simulator,
    door: &Door,
    request: Request<Incoming>,
) -> Result<Response<Script>, NoResponse> {
    let (head, body) = request.into_parts();
    if head.uri.path().starts_with(admin::ROOT) {
        let body = gather(body).await.map_err(|_| NoResponse::ClientGone)?;
        let play = Play::of(admin::answer(sim, &head, &body));
        return Ok(play.respond(Duration::ZERO, Charge::off()));
    }
    let versioned = head.headers.contains_key("anthropic-version");
    let place = place(&head.method, head.uri.path(), versioned);
    let presented = caller::presented(sim, &head, place.as_ref());
    let charge = open(sim, &head, place.as_ref(), &presented);
    let answers = caller::wanted(sim.answers(), &head);
    let spoilt = match (place, gather(body).await) {
        (_, Err(Lost::ClientGone)) => return Err(NoResponse::ClientGone),
        (Some(place), Ok(body)) => {
            let (place, body, answers) = (&place, &body, &answers);
            Seen { sim, head: &head, place, body, answers, presented: &presented }.spoilt(&charge)
        }
        (None, Ok(_)) => refuse(Dialect::OpenAi, &no_such_path(&head)),
        (place, Err(Lost::TooLarge)) => refuse(place.map_or(Dialect::OpenAi, |place| place.dialect), &too_large()),
    };
    let pause = spoilt.pause.unwrap_or(Duration::from_millis(answers.pause_ms));
    send(door, spoilt, pause, charge).await
}

async fn send(
    door: &Door,
    spoilt: Spoilt,
    pause: Duration,
    mut charge: Charge,
) -> Result<Response<Script>, NoResponse> {
    let play = &spoilt.play;
    charge.accept(play.usage, play.generated_first());
    if !spoilt.delay.is_zero() {
        tokio::time::sleep(spoilt.delay).await;
    }
    if !door.h2 && (spoilt.never.is_some() || spoilt.by_hand()) {
        charge.note(|entry| entry.status = written_status(&spoilt));
        door.leave(ByHand { spoilt, pause, charge });
        return Err(NoResponse::ByHand);
    }
    match spoilt.never {
        _ if spoilt.wire.raw.is_some() => {}
        Some(Never::Stall) => std::future::pending().await,
        Some(Never::Cut) => {}
        None => {
            charge.note(|entry| entry.status = spoilt.play.status.as_u16());
            return Ok(spoilt.play.respond(pause, charge));
        }
    }
    charge.end(Outcome::Cut);
    Err(NoResponse::Cut)
}

/// The status that reaches the client of an answer written by hand.
fn written_status(spoilt: &Spoilt) -> u16 {
    match (&spoilt.never, &spoilt.wire.raw) {
        (None, None) => spoilt.play.status.as_u16(),
        _ => 0,
    }
}

/// A request that has arrived in full.
struct Seen<'a> {
    sim: &'a Simulator,
    head: &'a Parts,
    place: &'a Place,
    body: &'a Bytes,
    answers: &'a Answers,
    presented: &'a Presented,
}

impl Seen<'_> {
    fn spoilt(&self, charge: &Charge) -> Spoilt {
        let (config, dialect) = (&self.sim.state.config, self.place.dialect);
        charge.note(|entry| {
            entry.body_sha256 = hex(digest(&SHA256, self.body).as_ref());
            entry.body_bytes = self.body.len() as u64;
            entry.body = config.bill_bodies.then(|| self.body.clone());
        });
        if *self.presented == Presented::Wrong {
            return refuse(dialect, &refusal::wrong_key(dialect));
        }
        let digest = self.digest();
        let ready = !config.bill && !self.sim.state.rules.any();
        let ready = ready && !self.head.headers.contains_key(FAULT);
        if ready && let Some(play) = self.sim.state.ready.get(digest) {
            return Spoilt::none(play);
        }
        let asked = self.ask(charge).and_then(|ask| Ok((self.faults(&ask)?, ask)));
        let (faults, ask) = match asked {
            Ok(asked) => asked,
            Err(reject) => return refuse(dialect, &reject),
        };
        let play = Play::of(self.render(&ask, digest));
        if ready {
            self.sim.state.ready.put(digest, play.clone());
        }
        if !faults.is_empty() {
            let kinds: Vec<_> = faults.iter().map(Fault::kind).collect();
            charge.note(|entry| entry.fault = Some(kinds.join(" ")));
        }
        spoil(dialect, play, &faults)
    }

    fn ask(&self, charge: &Charge) -> Result<Ask, Reject> {
        let anthropic = self.place.dialect == Dialect::Anthropic;
        if anthropic && !self.head.headers.contains_key("anthropic-version") {
            return Err(Reject::invalid("anthropic-version: header is required"));
        }
        let sse = caller::query(self.head, "alt") == Some("sse");
        let ask = ask::read(self.place, self.body, sse)?;
        charge.note(|entry| {
            entry.model.clone_from(&ask.model);
            entry.stream = ask.stream != Stream::No;
        });
        if ask.model == NO_MODEL {
            return Err(refusal::no_model(self.place.dialect, NO_MODEL));
        }
        Ok(ask)
    }

    /// The request's own faults, or those of the first rule that covers it.
    fn faults(&self, ask: &Ask) -> Result<Vec<Fault>, Reject> {
        if let Some(own) = self.head.headers.get(FAULT) {
            let own = Fault::parse(&String::from_utf8_lossy(own.as_bytes()));
            return own.map_err(|error| Reject::invalid(format!("{FAULT}: {error}")));
        }
        let host = self.head.headers.get(HOST).and_then(|host| host.to_str().ok());
        let authority = self.head.uri.authority().map(|authority| authority.as_str());
        Ok(self.sim.state.rules.meet(&Facts {
            dialect: self.place.dialect,
            operation: self.place.operation,
            model: &ask.model,
            key: match self.presented {
                Presented::Named(name) => Some(name),
                Presented::Any | Presented::Wrong => None,
            },
            path: self.head.uri.path(),
            host: host.or(authority).unwrap_or_default(),
            stream: ask.stream != Stream::No,
        }))
    }

    fn render(&self, ask: &Ask, digest: u64) -> Answer {
        let reply = reply::compose(ask, self.answers, digest);
        let models = &self.sim.state.config.models;
        match self.place.dialect {
            Dialect::OpenAi => openai::render(self.place, ask, &reply, models),
            Dialect::Anthropic => anthropic::render(self.place, ask, &reply, models),
            Dialect::Gemini => gemini::render(self.place, ask, &reply, models),
        }
    }

    /// What makes equal requests equal: the target, the answers' shape, the body.
    fn digest(&self) -> u64 {
        let mut hasher = FixedState::default().build_hasher();
        self.head.uri.path_and_query().map(|target| target.as_str()).hash(&mut hasher);
        self.answers.hash(&mut hasher);
        self.body.hash(&mut hasher);
        hasher.finish()
    }
}

fn refuse(dialect: Dialect, reject: &Reject) -> Spoilt {
    Spoilt::none(Play::of(refusal::answer(dialect, reject)))
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
        model: place.and_then(|place| place.model.clone()).unwrap_or_default(),
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

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn no_such_path(head: &Parts) -> Reject {
    let message = format!("Unknown request URL: {} {}.", head.method, head.uri.path());
    Reject { status: StatusCode::NOT_FOUND, code: "unknown_url", message }
}

fn too_large() -> Reject {
    let message = format!("the body is larger than {MAX_BODY} bytes");
    Reject { status: StatusCode::PAYLOAD_TOO_LARGE, code: "request_too_large", message }
}

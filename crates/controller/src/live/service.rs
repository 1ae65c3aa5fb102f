//! What people are answered: `Tap`, `Top` and `Trace` of `sidegate.v1.Live`.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use sidegate_policy::{Class, Glob};
use sidegate_wire::v1;
use sidegate_wire::v1::live_server::Live;
use sidegate_wire::v1::tap_event::Event;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};
use tonic::{Request, Response, Status};

use super::crowd::{Crowd, Place, Verb};
use super::taps::{Filter, Tapping};
use super::tellers::{Answers, Tellers};
use super::top::By;
use super::{Scope, questions};
use crate::control::{Control, Counters};
use crate::identity::{Person, Token};
use crate::serve::Peer;

/// Bytes of a question.
pub(crate) const LARGEST_REQUEST: usize = 16 * 1024;
/// Between two looks at the sidecars that there are, and at the pace that each of them gets.
const LOOK: Duration = Duration::from_secs(5);
/// Between two looks at the rights of somebody who goes on watching.
const RIGHTS: Duration = Duration::from_secs(20);
/// Patterns or words of one question.
const MOST_WORDS: usize = 64;
/// Bytes of a word.
const LONGEST_WORD: usize = 256;
/// Rows of one table.
const MOST_ROWS: usize = 1_000;
/// Between two tables at most.
const LONGEST_REFRESH: u32 = 60;

/// Answers people.
pub(crate) struct People {
    control: Arc<Control>,
    crowd: Arc<Crowd>,
    tellers: Tellers,
}

/// Somebody who may see what was asked for, as long as they may.
struct Permitted {
    control: Arc<Control>,
    person: Person,
    scope: Scope,
    closing: watch::Receiver<bool>,
    looked: Instant,
    place: Place,
}

impl People {
    pub(crate) fn new(control: Arc<Control>) -> Self {
        Self { control, crowd: Crowd::new(), tellers: Tellers::default() }
    }

    /// Whoever asks, if they may, which is written down.
    async fn permit<T>(&self, verb: Verb, request: &Request<T>, scope: Option<v1::Scope>) -> Result<Permitted, Status> {
        let permitted = self.judge(verb, request, scope).await;
        let counters = self.control.counters.asked(verb);
        Counters::raise(if permitted.is_ok() { &counters.admitted } else { &counters.refused });
        if let Ok(Permitted { place, scope, .. }) = &permitted {
            let who = if place.user().is_empty() { "somebody on this machine" } else { place.user() };
            tracing::info!(verb = verb.as_str(), "{who:?} is shown the calls of {scope}");
        }
        permitted
    }

    async fn judge<T>(&self, verb: Verb, request: &Request<T>, scope: Option<v1::Scope>) -> Result<Permitted, Status> {
        let peer = request.extensions().get::<Peer>();
        if !peer.is_some_and(|peer| peer.loopback) {
            let how = "ask over loopback: the connection is not encrypted; in a cluster through kubectl port-forward";
            return Err(Status::permission_denied(how));
        }
        let at_the_door = self.crowd.knock()?;
        let person = Person::of(Token::of(request.metadata()));
        let scope = scope_of(scope.unwrap_or_default())?;
        let (scope, user) = self.control.permit(&person, scope).await?;
        let place = self.crowd.enter(user, verb)?;
        drop(at_the_door);
        let (control, closing) = (self.control.clone(), self.control.closing());
        Ok(Permitted { control, person, scope, closing, looked: Instant::now(), place })
    }
}

impl Permitted {
    /// Whether they still may; asked of the API server again and again. While it does not answer, they may.
    async fn still(&mut self) -> Result<(), Status> {
        if self.looked.elapsed() < RIGHTS {
            return Ok(());
        }
        self.looked = Instant::now();
        match self.control.permit(&self.person, Some(self.scope.clone())).await {
            Err(status) if status.code() != tonic::Code::Unavailable => {
                tracing::info!("{:?} is shown the calls of {} no more", self.place.user(), self.scope);
                Err(status)
            }
            _ => Ok(()),
        }
    }

    fn is_closing(&self) -> bool {
        *self.closing.borrow()
    }
}

#[tonic::async_trait]
impl Live for People {
    type TapStream = Answers<v1::TapEvent>;
    type TopStream = Answers<v1::TopTable>;

    async fn tap(&self, request: Request<v1::TapRequest>) -> Result<Response<Self::TapStream>, Status> {
        let permitted = self.permit(Verb::Tap, &request, request.get_ref().scope.clone()).await?;
        let v1::TapRequest { models, outcomes, .. } = request.into_inner();
        let filter = filter(models, outcomes)?;
        let tapping = Tapping::begin(&self.control, permitted.scope.clone(), filter)
            .ok_or_else(|| Status::resource_exhausted("too many people watch already; try again later"))?;
        let coverage = permitted.control.coverage(&permitted.scope);
        let due = Some(Event::Coverage(coverage));
        let tapped = Tapped { permitted, tapping, coverage, due, look: Instant::now() + LOOK };
        let events = futures_util::stream::unfold(Some(tapped), |tapped| async {
            let mut tapped = tapped?;
            match tapped.next().await {
                Ok(Some(event)) => Some((Ok(v1::TapEvent { event: Some(event) }), Some(tapped))),
                Ok(None) => None,
                Err(status) => Some((Err(status), None)),
            }
        });
        Ok(Response::new(self.tellers.tell(events)))
    }

    async fn top(&self, request: Request<v1::TopRequest>) -> Result<Response<Self::TopStream>, Status> {
        let permitted = self.permit(Verb::Top, &request, request.get_ref().scope.clone()).await?;
        let asked = request.into_inner();
        let by = match asked.by() {
            v1::TopBy::Workload => By::Workload,
            v1::TopBy::Model => By::Model,
            v1::TopBy::Namespace | v1::TopBy::Unspecified => By::Namespace,
        };
        let last = Duration::from_secs(asked.last_seconds.into());
        let rows = usize::try_from(asked.rows).unwrap_or(MOST_ROWS).min(MOST_ROWS);
        let mut ticks = (asked.refresh_seconds > 0)
            .then(|| interval(Duration::from_secs(asked.refresh_seconds.min(LONGEST_REFRESH).into())));
        if let Some(ticks) = &mut ticks {
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        }
        let tables = futures_util::stream::unfold(Some((permitted, ticks)), move |state| async move {
            let (mut permitted, mut ticks) = state?;
            if let Some(ticks) = &mut ticks {
                tokio::select! {
                    _ = permitted.closing.wait_for(|closing| *closing) => return None,
                    _ = ticks.tick() => {}
                }
            }
            if let Err(status) = permitted.still().await {
                return Some((Err(status), None));
            }
            let mut table = permitted.control.live.top.table(&permitted.scope, by, last, rows);
            table.coverage = Some(permitted.control.coverage(&permitted.scope));
            let goes_on = ticks.is_some();
            Some((Ok(table), goes_on.then_some((permitted, ticks))))
        });
        Ok(Response::new(self.tellers.tell(tables)))
    }

    async fn trace(&self, request: Request<v1::TraceRequest>) -> Result<Response<v1::Traced>, Status> {
        let permitted = self.permit(Verb::Trace, &request, request.get_ref().scope.clone()).await?;
        let request_id = request.into_inner().request_id;
        if request_id.len() != 32 || !request_id.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) {
            return Err(Status::invalid_argument("a request id has 32 hexadecimal digits: x-sidegate-request-id"));
        }
        let traced = questions::ask(&self.control, &permitted.scope, request_id).await;
        let busy = || Status::resource_exhausted("too many people ask already; try again later");
        traced.map(Response::new).ok_or_else(busy)
    }
}

/// A person who watches.
struct Tapped {
    permitted: Permitted,
    tapping: Tapping,
    coverage: v1::Coverage,
    due: Option<Event>,
    look: Instant,
}

impl Tapped {
    async fn next(&mut self) -> Result<Option<Event>, Status> {
        loop {
            if self.permitted.is_closing() {
                return Ok(None);
            }
            if let Some(event) = self.due.take() {
                return Ok(Some(event));
            }
            let caught = tokio::select! {
                biased;
                _ = self.permitted.closing.wait_for(|closing| *closing) => continue,
                () = sleep_until(self.look) => None,
                event = self.tapping.caught() => Some(event),
            };
            match caught {
                None => self.look_around().await?,
                event => return Ok(event),
            }
        }
    }

    async fn look_around(&mut self) -> Result<(), Status> {
        self.look = Instant::now() + LOOK;
        self.permitted.still().await?;
        self.tapping.spread();
        let coverage = self.permitted.control.coverage(&self.permitted.scope);
        if coverage != self.coverage {
            self.coverage = coverage;
            self.due = Some(Event::Coverage(coverage));
        }
        Ok(())
    }
}

/// What was asked about; none where that was left to us.
fn scope_of(scope: v1::Scope) -> Result<Option<Scope>, Status> {
    match (scope.namespace.as_str(), scope.all_namespaces) {
        ("", false) => Ok(None),
        ("", true) => Ok(Some(Scope::All)),
        (namespace, false) => match sidegate_crds::formats::label(namespace) {
            Ok(()) => Ok(Some(Scope::Namespace(namespace.into()))),
            Err(why) => Err(Status::invalid_argument(format!("the namespace {why}"))),
        },
        _ => Err(Status::invalid_argument("either a namespace or all of them")),
    }
}

/// What is wanted, if all of it is understood: a word that sidecars pass over would be a filter that lets nothing pass.
fn filter(models: Vec<String>, outcomes: Vec<String>) -> Result<Filter, Status> {
    let long = |words: &[String]| words.len() > MOST_WORDS || words.iter().any(|word| word.len() > LONGEST_WORD);
    if long(&models) || long(&outcomes) {
        return Err(Status::invalid_argument("a filter has at most 64 words of 256 bytes"));
    }
    if let Some(invalid) = models.iter().find_map(|glob| Glob::parse(glob).err()) {
        return Err(Status::invalid_argument(invalid.to_string()));
    }
    let classes = Class::ALL.into_iter().map(Class::as_str);
    let known: HashSet<&str> = classes.chain(["answered", "refused", "failed", "client_cancelled", "error"]).collect();
    if let Some(unknown) = outcomes.iter().find(|word| !known.contains(word.as_str())) {
        return Err(Status::invalid_argument(format!("{unknown:?} is no outcome and no class of failure")));
    }
    Ok(Filter { models, outcomes })
}

//! One sidecar's stream, from its Hello to its end.
//!
//! The stream is driven by the transport's demand: what is sent is worked out when it can be sent, so that the newest
//! wins and nothing queues. It waits for changes of its own class of callers and sleeps through all others. It ends
//! cleanly at a certain age, so that sidecars spread over the replicas there are; the next one goes on where it ended.

use std::sync::Arc;
use std::time::Duration;

use futures_util::Stream;
use sidegate_policy::Caller;
use sidegate_wire::v1::sidecar_message::Message as Up;
use sidegate_wire::{decode_caller, v1};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};
use tonic::{Status, Streaming};

use super::admission::Admitted;
use super::delivery::Delivery;
use super::errands::Errands;
use super::link::Peer;
use super::{printable, rejected};
use crate::control::{Control, Seat};
use crate::identity::{Identified, Token};
use crate::live::Shown;

/// A sidecar says who it is within this time.
const HELLO: Duration = Duration::from_secs(5);
/// Streams of one control plane.
const MOST_STREAMS: usize = 20_000;
/// Messages of one sidecar within [`PERIOD`], beyond one for each that it was sent.
const MOST_MESSAGES: u32 = 100;
const PERIOD: Duration = Duration::from_secs(10);
/// Age at which a stream ends, give or take a fifth.
const AGE: Duration = Duration::from_secs(30 * 60);
const SHARE_OF_AGE: std::ops::Range<f64> = 0.8..1.2;

/// One sidecar's stream.
pub(super) struct Session {
    control: Arc<Control>,
    peer: Peer,
    /// Until it has been looked at.
    token: Option<Token>,
    inbound: Streaming<v1::SidecarMessage>,
    closing: watch::Receiver<bool>,
    ends: Instant,
    /// Until it has said Hello.
    admitted: Option<Admitted>,
    greeted: Option<Greeted>,
    traffic: Traffic,
}

/// What is known once a sidecar has said Hello.
struct Greeted {
    /// Namespace and pod, for messages.
    who: String,
    caller: Arc<Caller>,
    seat: Seat,
    delivery: Delivery,
    errands: Errands,
    shown: Shown,
}

/// Messages since the period began.
struct Traffic {
    since: Instant,
    heard: u32,
    sent: u32,
}

/// Why a stream ends, or what it sends next.
type Next = Result<Option<v1::ControlMessage>, Status>;

/// What a stream waits for.
enum Event {
    Ending,
    Changed,
    Summoned,
    Look,
    Heard(Option<Box<v1::SidecarMessage>>),
}

impl Session {
    pub(super) fn new(
        control: Arc<Control>,
        peer: Peer,
        token: Option<Token>,
        inbound: Streaming<v1::SidecarMessage>,
        admitted: Admitted,
    ) -> Self {
        let (closing, now) = (control.closing(), Instant::now());
        let ends = now + AGE.mul_f64(control.draw(SHARE_OF_AGE));
        let traffic = Traffic { since: now, heard: 0, sent: 0 };
        Self { control, peer, token, inbound, closing, ends, admitted: Some(admitted), greeted: None, traffic }
    }

    pub(super) fn into_stream(self) -> impl Stream<Item = Result<v1::ControlMessage, Status>> + Send {
        futures_util::stream::unfold(Some(self), |session| async move {
            let mut session = session?;
            match session.next().await {
                Ok(Some(message)) => Some((Ok(message), Some(session))),
                Ok(None) => None,
                Err(status) => Some((Err(status), None)),
            }
        })
    }

    async fn next(&mut self) -> Next {
        loop {
            let Some(greeted) = &mut self.greeted else {
                self.greet().await?;
                self.admitted = None;
                continue;
            };
            let look = greeted.delivery.next_look();
            if look.is_some_and(|look| look <= Instant::now()) {
                if let Some(message) = greeted.delivery.due(&greeted.seat, &self.control, &self.peer) {
                    self.traffic.sent += 1;
                    return Ok(Some(message));
                }
                greeted.delivery.settled();
                continue;
            }
            if let Some(message) = greeted.errands.due(&self.control.live, &greeted.caller) {
                self.traffic.sent += 1;
                return Ok(Some(message));
            }
            let look = [look, greeted.errands.next_look()].into_iter().flatten().min();
            let event = tokio::select! {
                _ = self.closing.wait_for(|closing| *closing) => Event::Ending,
                () = sleep_until(self.ends) => Event::Ending,
                message = self.inbound.message() => Event::Heard(message?.map(Box::new)),
                () = greeted.seat.rung() => Event::Changed,
                () = greeted.seat.summoned() => Event::Summoned,
                () = sleep_until(look.unwrap_or(self.ends)) => Event::Look,
            };
            match event {
                Event::Ending | Event::Heard(None) => return Ok(None),
                Event::Heard(Some(message)) => self.hear(*message)?,
                Event::Changed if greeted.seat.is_replaced() => {
                    return Err(Status::aborted("a newer stream of this pod has taken its place"));
                }
                Event::Changed => greeted.delivery.changed(),
                Event::Summoned => greeted.errands.changed(),
                Event::Look => {}
            }
        }
    }

    async fn greet(&mut self) -> Result<(), Status> {
        let first = tokio::select! {
            _ = self.closing.wait_for(|closing| *closing) => return Err(Status::unavailable("closing")),
            first = timeout(HELLO, self.inbound.message()) => first,
        };
        let message = first.map_err(|_| Status::deadline_exceeded("no Hello within 5 s"))??;
        let Some(v1::SidecarMessage { message: Some(Up::Hello(hello)) }) = message else {
            return Err(Status::invalid_argument("the first message must be Hello"));
        };
        let token = self.token.take();
        let declared = hello.caller.map(decode_caller);
        let Identified { caller, uid } = tokio::select! {
            _ = self.closing.wait_for(|closing| *closing) => return Err(Status::unavailable("closing")),
            identified = self.control.identify(token.as_ref(), declared) => identified?,
        };
        let who = format!("{}/{}", caller.namespace, caller.pod);
        let Some(seat) = self.control.sit(caller.clone(), uid, MOST_STREAMS) else {
            return Err(Status::resource_exhausted("too many streams"));
        };
        seat.note(|seated| {
            seated.policy = printable(&hello.policy_version).into();
            seated.credentials = printable(&hello.credentials_version).into();
        });
        tracing::info!("{who} is connected from {} (sidecar {})", self.peer.address, printable(&hello.sidecar_version));
        if hello.epoch > self.control.epoch() {
            let (theirs, ours) = (hello.epoch, self.control.epoch());
            tracing::error!("{who} has a policy of epoch {theirs}, which is after {ours}: it will refuse older ones");
        }
        let delivery = Delivery::new(hello.policy_version.into(), hello.credentials_version.into());
        self.greeted = Some(Greeted { who, caller, seat, delivery, errands: Errands::new(), shown: Shown::new() });
        Ok(())
    }

    fn hear(&mut self, message: v1::SidecarMessage) -> Result<(), Status> {
        self.traffic.heard()?;
        let Some(Greeted { who, caller, seat, delivery, shown, .. }) = &mut self.greeted else { return Ok(()) };
        match message.message {
            Some(Up::Ack(ack)) => delivery.took(seat, &self.control.counters, &ack),
            Some(Up::Nack(nack)) => {
                let (version, reason) = (printable(&nack.version), printable(&nack.reason));
                // By the same words as the metrics.
                let subject = if nack.subject() == v1::Subject::Credentials { "credentials" } else { "policy" };
                tracing::error!("{who} refused {subject} {version}: {reason}");
                delivery.refused(seat, &self.control.counters, &nack);
            }
            Some(Up::Rejected(told)) => rejected::hear(seat, who, told),
            Some(Up::Hello(_)) => return Err(Status::invalid_argument("Hello is the first message only")),
            Some(Up::Calls(calls)) => self.control.live.taps.hear(caller, shown, calls),
            Some(Up::Sums(sums)) => self.control.live.top.hear(caller, &sums),
            Some(Up::Recalled(recalled)) => self.control.live.questions.hear(seat.number(), caller, recalled),
            // A kind of message that a newer sidecar has.
            None => {}
        }
        Ok(())
    }
}

impl Traffic {
    fn heard(&mut self) -> Result<(), Status> {
        let now = Instant::now();
        if now.duration_since(self.since) >= PERIOD {
            *self = Self { since: now, heard: 0, sent: 0 };
        }
        self.heard += 1;
        if self.heard > self.sent + MOST_MESSAGES {
            return Err(Status::resource_exhausted("too many messages"));
        }
        Ok(())
    }
}

//! Asks and tells the API server what the election decides, again and again until the end.
//!
//! Every write is on condition of the version that was read; a request that takes too long is given up, for the term
//! was counted from before it was sent.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use kube::api::{Api, PostParams};
use kube::{Client, Error};
use rand::Rng;
use rand::rngs::SmallRng;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use super::{Election, Pace, Seen, Step, Term};
use crate::controller::Clock;

/// One request to the API server gets this long at most.
const REQUEST: Duration = Duration::from_secs(5);
/// Giving the lease back at the end gets this long: the next one takes it when it ends anyway.
const RELEASE: Duration = Duration::from_millis(500);

/// Who stands for which lease.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// The namespace of the lease.
    pub namespace: String,
    /// Its name.
    pub name: &'static str,
    /// Who stands: different from every other, and from the same replica's last life.
    pub identity: Arc<str>,
    /// The times of the lease.
    pub pace: Pace,
}

/// Keeps one replica in the election.
pub struct Keeper {
    leases: Api<Lease>,
    candidate: Candidate,
    /// Only fills the times that people read.
    clock: Clock,
    /// Spreads the replicas' looks.
    chance: SmallRng,
    election: Election,
    /// When which term was acquired.
    acquired: Option<(i32, MicroTime)>,
    term: watch::Sender<Option<Term>>,
    /// Why the last request failed, so that the same is not logged again and again.
    trouble: Option<String>,
}

impl Keeper {
    /// Takes no part yet.
    #[must_use]
    pub fn new(client: Client, candidate: Candidate, clock: Clock, chance: SmallRng) -> Self {
        Self {
            leases: Api::namespaced(client, &candidate.namespace),
            election: Election::new(&candidate.identity, candidate.pace),
            candidate,
            clock,
            chance,
            acquired: None,
            term: watch::Sender::new(None),
            trouble: None,
        }
    }

    /// Tells the term that is held.
    #[must_use]
    pub fn terms(&self) -> watch::Receiver<Option<Term>> {
        self.term.subscribe()
    }

    /// Takes part until `over`, then gives the lease back.
    pub async fn keep(mut self, over: impl Future<Output = ()>) {
        {
            let mut over = std::pin::pin!(over);
            loop {
                let pause = tokio::select! {
                    () = &mut over => break,
                    pause = self.turn() => pause,
                };
                // Up to a fifth more, so that replicas do not look all at once.
                let pause = pause.mul_f64(1.0 + self.chance.random_range(0.0..0.2));
                tokio::select! {
                    () = &mut over => break,
                    () = sleep(pause) => {}
                }
            }
        }
        self.release().await;
    }

    /// Looks once, does what is to be done, and says how long to wait.
    async fn turn(&mut self) -> Duration {
        let seen = match timeout(self.patience(), self.leases.get_opt(self.candidate.name)).await {
            Ok(Ok(lease)) => lease,
            Ok(Err(error)) => return self.failed(&error),
            Err(_) => return self.failed(&"no answer in time"),
        };
        let step = self.election.step(seen.as_ref().map(Seen::of), Instant::now());
        self.publish();
        let (version, transitions) = match step {
            Step::Wait(pause) => return pause,
            Step::Create { transitions } => (None, transitions),
            Step::Replace { version, transitions } => (Some(version), transitions),
        };
        let lease = self.lease(&self.candidate.identity.clone(), version.as_deref(), transitions);
        let asked = Instant::now();
        let told = match version {
            None => timeout(self.patience(), self.leases.create(&PostParams::default(), &lease)).await,
            Some(_) => {
                timeout(self.patience(), self.leases.replace(self.candidate.name, &PostParams::default(), &lease)).await
            }
        };
        match told {
            Ok(Ok(lease)) => {
                self.trouble = None;
                self.election.won(Seen::of(&lease), asked);
                self.publish();
                self.election.renewal()
            }
            // It is another version by now: the next look tells whose. A term that is held ends by itself in time.
            Ok(Err(Error::Api(status))) if matches!(status.code, 404 | 409) => self.candidate.pace.retry / 10,
            Ok(Err(error)) => self.failed(&error),
            Err(_) => self.failed(&"no answer in time"),
        }
    }

    /// A request is given up in time for another one before the term ends.
    fn patience(&self) -> Duration {
        REQUEST.min(self.candidate.pace.margin / 2)
    }

    /// A term that is held stays until its own end: whoever writes looks at that.
    fn failed(&mut self, why: &dyn std::fmt::Display) -> Duration {
        let why = why.to_string();
        if self.trouble.as_ref() != Some(&why) {
            tracing::warn!("cannot look after the lease {}: {why}", self.candidate.name);
            self.trouble = Some(why);
        }
        self.candidate.pace.retry
    }

    fn publish(&self) {
        let term = self.election.term();
        self.term.send_if_modified(|known| {
            let before = std::mem::replace(known, term);
            match (before.map(|t| t.number), term.map(|t| t.number)) {
                (None, Some(number)) => {
                    tracing::info!("{} writes status from now on, term {number}", self.candidate.identity)
                }
                (Some(_), None) => tracing::warn!("{} does not write status any more", self.candidate.identity),
                _ => {}
            }
            before != term
        });
    }

    /// Gives back what is held. Whoever writes has stopped before.
    async fn release(mut self) {
        let Some(term) = self.election.term() else { return };
        self.election.give_up();
        self.publish();
        let freed = async {
            // Read again: the version of the last renewal may be unknown.
            let seen = self.leases.get_opt(self.candidate.name).await?.as_ref().map(Seen::of);
            let Some(seen) = seen.filter(|s| s.holder == self.candidate.identity && s.transitions == term.number)
            else {
                return Ok(());
            };
            let lease = self.lease("", Some(&seen.version), term.number);
            self.leases.replace(self.candidate.name, &PostParams::default(), &lease).await.map(|_| ())
        };
        match timeout(RELEASE, freed).await {
            Ok(Ok(())) => tracing::info!("{} gave the lease {} back", self.candidate.identity, self.candidate.name),
            Ok(Err(error)) => tracing::warn!("cannot give the lease {} back: {error}", self.candidate.name),
            Err(_) => tracing::warn!("cannot give the lease {} back in time", self.candidate.name),
        }
    }

    fn lease(&mut self, holder: &str, version: Option<&str>, transitions: i32) -> Lease {
        let now = MicroTime((self.clock)());
        let acquired =
            self.acquired.take().filter(|(term, _)| *term == transitions).unwrap_or((transitions, now.clone()));
        self.acquired = Some(acquired.clone());
        Lease {
            metadata: ObjectMeta {
                name: Some(self.candidate.name.to_owned()),
                resource_version: version.map(str::to_owned),
                ..ObjectMeta::default()
            },
            spec: Some(LeaseSpec {
                holder_identity: Some(holder.to_owned()),
                lease_duration_seconds: Some(
                    i32::try_from(self.candidate.pace.duration.as_secs().max(1)).unwrap_or(i32::MAX),
                ),
                lease_transitions: Some(transitions),
                acquire_time: Some(acquired.1),
                renew_time: Some(now),
                ..LeaseSpec::default()
            }),
        }
    }
}

impl Seen {
    fn of(lease: &Lease) -> Self {
        let spec = lease.spec.clone().unwrap_or_default();
        let seconds = u64::try_from(spec.lease_duration_seconds.unwrap_or(0)).unwrap_or(0);
        Self {
            holder: spec.holder_identity.unwrap_or_default().into(),
            transitions: spec.lease_transitions.unwrap_or(0),
            duration: Duration::from_secs(seconds),
            version: lease.metadata.resource_version.clone().unwrap_or_default().into(),
        }
    }
}

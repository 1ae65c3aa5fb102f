//! What the control plane says of an object, and who writes it.
//!
//! A status is derived, never kept: from what the index says of the object and what the connected sidecars
//! acknowledged ([`Known`], pure). It is written by server-side apply with one field manager, only where it differs
//! from what stands there, by the one replica that holds the lease; whatever anybody else writes into a status is
//! written over. Events tell of changes of state, once each. There is no object for each pod, and nothing that a
//! status says is ever read to decide a call. What the sidecars of other replicas acknowledged, these tell in a
//! Lease each.
//!
//! Fencing: a [`crate::lease::Term`] is looked at before every request, and ends earlier than the lease by more than
//! a request may take. Each write carries the object's `uid` and `resourceVersion`, so what a replica sends late all
//! the same, after a pause between that look and the network, is refused as soon as its successor has written to the
//! object; before that it says what was true when it was worked out, and its successor, which watches, writes over it.

mod acks;
mod announce;
mod condition;
mod derive;
mod due;
mod patch;
mod peers;
mod rejected;
mod send;
mod shown;
mod tracked;
mod writer;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use aws_lc_rs::rand as random;
use kube::Client;
use rand::SeedableRng;
use rand::rngs::SmallRng;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::control::Control;
use crate::controller::Clock;
use crate::lease::{Candidate, Keeper, Pace, Term};
use peers::Share;
use send::Post;
use writer::Writer;

pub use acks::{Acks, Refused, Roll};
pub use announce::{Announced, Announcement};
pub use condition::{Reason, Type};
pub use derive::{Known, Marks};
pub use rejected::{Heard, Names};
pub use send::FIELD_MANAGER;

/// The lease that decides who writes, in the control plane's namespace.
pub const LEASE: &str = "sidegate-controller-write";

/// What the writer of statuses has to know.
#[derive(Clone)]
pub struct Options {
    /// The control plane's own namespace.
    pub namespace: String,
    /// What this replica is called, for people: its pod or its host.
    pub replica: String,
    /// The time of day.
    pub clock: Clock,
    /// The times of the lease.
    pub pace: Pace,
}

/// Takes part in the election, and writes statuses and events during its terms, until the control plane closes.
pub async fn write(client: Client, control: Arc<Control>, options: Options) {
    let mut seed = [0; 16];
    // Without randomness the replica still has a name of its own, and only looks at the same times as others.
    if random::fill(&mut seed).is_err() {
        tracing::warn!("the system gives no random numbers");
    }
    let chance = SmallRng::seed_from_u64(seed.iter().fold(0, |sum, byte| sum << 4 ^ u64::from(*byte)));
    let life: String = seed.iter().take(5).map(|byte| format!("{byte:02x}")).collect();
    let identity: Arc<str> = format!("{}_{life}", options.replica).into();
    let candidate =
        Candidate { namespace: options.namespace.clone(), name: LEASE, identity: identity.clone(), pace: options.pace };
    let keeper = Keeper::new(client.clone(), candidate, options.clock.clone(), chance.clone());
    let terms = keeper.terms();
    let share = peers::name_of(&life);
    let shared = Share::new(&client, &options.namespace, (share.clone(), options.clock.clone()), terms.clone());
    // The writer ends first, so that nothing is on its way when the lease is given back.
    let done = watch::Sender::new(false);
    let writing = async {
        let mut terms = terms;
        while let Some(term) = next_term(&control, &mut terms).await {
            let (client, share, identity) = (client.clone(), share.clone(), identity.clone());
            let peers = peers::watch_peers(&client, &options.namespace);
            let news = futures_util::stream::select(shown::watch(&client), peers);
            let post = Post { client, terms: terms.clone(), term: term.number, identity, share };
            let writer = Writer::new(control.clone(), options.clock.clone(), chance.clone(), post);
            control.writes_status.store(true, Ordering::Relaxed);
            Box::pin(writer.run(news, closed(&control))).await;
            control.writes_status.store(false, Ordering::Relaxed);
        }
        done.send_replace(true);
    };
    let mut finished = done.subscribe();
    let over = async move {
        // An error means that the writer is gone, which is the end too.
        let _ = finished.wait_for(|done| *done).await;
    };
    tokio::join!(writing, keeper.keep(over), shared.keep(&control, closed(&control)));
}

/// The next term that allows anything; `None` at the end.
async fn next_term(control: &Control, terms: &mut watch::Receiver<Option<Term>>) -> Option<Term> {
    tokio::select! {
        () = closed(control) => None,
        term = terms.wait_for(|term| term.is_some_and(|term| term.allows(Instant::now()))) => term.ok().and_then(|t| *t),
    }
}

async fn closed(control: &Control) {
    let mut closing = control.closing();
    // An error means that the control plane is gone.
    let _ = closing.wait_for(|closing| *closing).await;
}

#[cfg(test)]
mod tests;

//! The control plane put together: a directory or a cluster in, streams out, and nothing left behind when it ends.
//!
//! It spawns into a `JoinSet` of its owner, so that it ends with its owner; the binary and `sidegate dev` embed the
//! same thing, and a scenario test hands in pipes instead of sockets.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_lc_rs::rand;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use sidegate_telemetry::AuditQueue;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::control::{Control, Seated};
use crate::health;
use crate::identity::Reviewer;
use crate::index::Index;
use crate::lease::Pace;
use crate::prices::{InvalidMatchers, PriceBook};
use crate::problem::Problem;
use crate::serve;
use crate::source::files::{Files, Unreadable};
use crate::source::kube::Cluster;
use crate::{audit, config, status};

/// Between looks at the directory.
const LOOK: Duration = Duration::from_millis(250);

/// Between looks at what is wrong with the objects of a cluster.
const GATHER: Duration = Duration::from_secs(5);

/// Tells the time of day.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// What a control plane has to know to start.
#[derive(Clone)]
pub struct Options {
    /// The directory of objects.
    pub from_files: PathBuf,
    /// Its own namespace.
    pub namespace: String,
    /// The time of day: its seconds at the start are the epoch, its date says which prices hold.
    pub clock: Clock,
}

/// What a control plane in a cluster has to know to start.
#[derive(Clone)]
pub struct ClusterOptions {
    /// The way to the API server.
    pub client: kube::Client,
    /// Its own namespace.
    pub namespace: String,
    /// The audience of the tokens that sidecars show.
    pub audience: String,
    /// The time of day: its date says which prices hold.
    pub clock: Clock,
}

/// The sockets that a control plane listens on, bound by its owner: all of them or none.
pub struct Listeners {
    /// gRPC, for sidecars.
    pub control: TcpListener,
    /// gRPC, for people who ask about running sidecars.
    pub live: Option<TcpListener>,
    /// Health and metrics.
    pub health: Option<TcpListener>,
}

/// Why a control plane cannot start; each is a sentence for whoever started it.
#[derive(Debug, Error)]
pub enum StartError {
    /// The directory.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// The price list.
    #[error(transparent)]
    Prices(#[from] InvalidMatchers),
    /// The machine has no randomness.
    #[error("the system gives no random numbers")]
    NoRandomness,
    /// The namespace's name.
    #[error("{0:?} is no namespace: it {1}")]
    Namespace(String, &'static str),
}

/// Where its objects come from.
#[derive(Clone)]
enum Source {
    Files(Arc<Mutex<Files>>),
    Cluster(Box<Cluster>),
}

/// A control plane.
#[derive(Clone)]
pub struct Controller {
    control: Arc<Control>,
    source: Source,
    clock: Clock,
}

impl Controller {
    /// Reads the directory once. Nothing listens and nothing runs yet.
    ///
    /// # Errors
    /// [`StartError`], worded for whoever starts it.
    pub fn load(options: &Options) -> Result<Self, StartError> {
        let index = index(&options.namespace, &options.clock)?;
        let files = Files::open(&options.from_files)?;
        let epoch = u64::try_from((options.clock)().as_second()).unwrap_or(0);
        let control = Arc::new(Control::new(index, epoch).seeded(seed()?));
        let source = Source::Files(Arc::new(Mutex::new(files)));
        let controller = Self { control, source, clock: options.clock.clone() };
        controller.look(|_| true);
        controller.control.update(Index::follow_changes);
        Ok(controller)
    }

    /// A control plane of a cluster, which has not been asked for anything yet.
    ///
    /// # Errors
    /// [`StartError`], worded for whoever starts it.
    pub fn of_cluster(options: &ClusterOptions) -> Result<Self, StartError> {
        let index = index(&options.namespace, &options.clock)?;
        let reviewer = Reviewer::new(options.client.clone(), &options.audience);
        let control = Arc::new(Control::in_cluster(index, reviewer).seeded(seed()?));
        let cluster = Cluster { client: options.client.clone(), namespace: options.namespace.clone() };
        let source = Source::Cluster(Box::new(cluster));
        Ok(Self { control, source, clock: options.clock.clone() })
    }

    /// The same, telling changes of objects in an audit trail.
    #[must_use]
    pub fn audited(self, audit: Arc<AuditQueue>) -> Self {
        self.control.changes.tell_to(audit);
        self
    }

    /// Reads the directory and starts everything in `tasks`.
    ///
    /// # Errors
    /// [`StartError`]; then nothing was started.
    pub fn start(options: &Options, tasks: &mut JoinSet<()>, listeners: Listeners) -> Result<Self, StartError> {
        let controller = Self::load(options)?;
        controller.run(tasks, listeners);
        Ok(controller)
    }

    /// Starts everything in `tasks`: the streams, health, the watch of the source, and in a cluster the statuses.
    pub fn run(&self, tasks: &mut JoinSet<()>, listeners: Listeners) {
        let incoming = serve::accepted(listeners.control);
        let control = self.control.clone();
        tasks.spawn(async move {
            if let Err(error) = serve::serve_on(control, incoming).await {
                tracing::error!("the control stream ended: {error}");
            }
        });
        if let Some(listener) = listeners.live {
            let (control, incoming) = (self.control.clone(), serve::accepted(listener));
            tasks.spawn(async move {
                if let Err(error) = serve::serve_people_on(control, incoming).await {
                    tracing::error!("nobody who asks about sidecars is answered any more: {error}");
                }
            });
        }
        if let Some(listener) = listeners.health {
            tasks.spawn(health::serve(self.control.clone(), listener));
        }
        if let Source::Cluster(cluster) = &self.source {
            let options = status::Options {
                namespace: cluster.namespace.clone(),
                replica: config::replica(),
                clock: self.clock.clone(),
                pace: Pace::DEFAULT,
            };
            tasks.spawn(status::write(cluster.client.clone(), self.control.clone(), options));
        } else {
            tasks.spawn(audit::tell(self.control.clone(), self.clock.clone()));
        }
        tasks.spawn(self.clone().watch());
    }

    /// What its parts share, for those who put them together otherwise.
    #[must_use]
    pub fn control(&self) -> Arc<Control> {
        self.control.clone()
    }

    /// Everything that is wrong with the objects now.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        self.control.problems()
    }

    /// The sidecars that are connected.
    #[must_use]
    pub fn sidecars(&self) -> Vec<Seated> {
        self.control.sidecars()
    }

    /// Looks at the directory now and believes what it sees, removals included. A cluster tells by itself.
    pub fn reload(&self) {
        self.look(|files| files.look(true));
    }

    /// Ends every stream and every task of it.
    pub fn shutdown(&self) {
        self.control.close();
    }

    /// Keeps to the source until the end: looks at the directory again and again, or follows the cluster.
    pub async fn watch(self) {
        let mut source = JoinSet::new();
        let pause = match &self.source {
            Source::Files(_) => LOOK,
            Source::Cluster(cluster) => {
                source.spawn((**cluster).clone().follow(self.control.clone()));
                GATHER
            }
        };
        let mut closing = self.control.closing();
        let mut priced = date_of((self.clock)());
        loop {
            tokio::select! {
                _ = closing.wait_for(|closing| *closing) => return,
                () = tokio::time::sleep(pause) => {}
            }
            let today = date_of((self.clock)());
            if today != priced
                && let Ok(prices) = PriceBook::of(today)
            {
                priced = today;
                self.control.update(|index| index.set_prices(prices));
            }
            let looking = self.clone();
            let mut one = JoinSet::new();
            one.spawn_blocking(move || looking.look(|files| files.look(false)));
            one.join_next().await;
        }
    }

    /// Takes what the directory says, if `look` finds it different. Conflicts come and go with the sidecars, so
    /// problems are gathered every time.
    fn look(&self, look: impl FnOnce(&mut Files) -> bool) {
        let Source::Files(files) = &self.source else {
            return self.control.gather(Vec::new(), |problem| problem);
        };
        let mut files = files.lock().unwrap_or_else(PoisonError::into_inner);
        if look(&mut files) {
            self.control.set_complete(files.readable());
            self.control.update(|index| files.apply_to(index));
        }
        let listing = files.listing();
        self.control.gather(listing.problems.clone(), |problem| listing.locate(problem));
    }
}

fn seed() -> Result<u64, StartError> {
    let mut seed = [0; 8];
    rand::fill(&mut seed).map_err(|_| StartError::NoRandomness)?;
    Ok(u64::from_le_bytes(seed))
}

/// An empty index with the prices of the day.
fn index(namespace: &str, clock: &Clock) -> Result<Index, StartError> {
    sidegate_crds::formats::label(namespace).map_err(|why| StartError::Namespace(namespace.to_owned(), why))?;
    let mut salt = [0; 32];
    rand::fill(&mut salt).map_err(|_| StartError::NoRandomness)?;
    Ok(Index::new(namespace, PriceBook::of(date_of(clock()))?, salt))
}

fn date_of(now: Timestamp) -> Date {
    now.to_zoned(TimeZone::UTC).date()
}

#[cfg(test)]
mod tests;

//! The control plane put together: a directory in, streams out, and nothing left behind when it ends.
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
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::control::{Control, Seated};
use crate::health;
use crate::index::Index;
use crate::prices::{InvalidMatchers, PriceBook};
use crate::problem::Problem;
use crate::serve;
use crate::source::files::{Files, Unreadable};

/// Between looks at the directory.
const LOOK: Duration = Duration::from_millis(250);

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

/// The sockets that a control plane listens on, bound by its owner: all of them or none.
pub struct Listeners {
    /// gRPC, for sidecars.
    pub control: TcpListener,
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

/// A control plane.
#[derive(Clone)]
pub struct Controller {
    control: Arc<Control>,
    files: Arc<Mutex<Files>>,
    clock: Clock,
}

impl Controller {
    /// Reads the directory once. Nothing listens and nothing runs yet.
    ///
    /// # Errors
    /// [`StartError`], worded for whoever starts it.
    pub fn load(options: &Options) -> Result<Self, StartError> {
        sidegate_crds::formats::label(&options.namespace)
            .map_err(|why| StartError::Namespace(options.namespace.clone(), why))?;
        let files = Files::open(&options.from_files)?;
        let now = (options.clock)();
        let mut salt = [0; 32];
        rand::fill(&mut salt).map_err(|_| StartError::NoRandomness)?;
        let index = Index::new(&options.namespace, PriceBook::of(date_of(now))?, salt);
        let epoch = u64::try_from(now.as_second()).unwrap_or(0);
        let mut seed = [0; 8];
        rand::fill(&mut seed).map_err(|_| StartError::NoRandomness)?;
        let control = Arc::new(Control::new(index, epoch).seeded(u64::from_le_bytes(seed)));
        let controller = Self { control, files: Arc::new(Mutex::new(files)), clock: options.clock.clone() };
        controller.take(&controller.files());
        Ok(controller)
    }

    /// Reads the directory and starts everything in `tasks`.
    ///
    /// # Errors
    /// [`StartError`]; then nothing was started.
    pub fn start(options: &Options, tasks: &mut JoinSet<()>, listeners: Listeners) -> Result<Self, StartError> {
        let controller = Self::load(options)?;
        let incoming = serve::accepted(listeners.control);
        let control = controller.control.clone();
        tasks.spawn(async move {
            if let Err(error) = serve::serve_on(control, incoming).await {
                tracing::error!("the control stream ended: {error}");
            }
        });
        if let Some(listener) = listeners.health {
            tasks.spawn(health::serve(controller.control.clone(), listener));
        }
        tasks.spawn(controller.clone().watch());
        Ok(controller)
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
        self.control.roster.seated()
    }

    /// Looks at the directory now and believes what it sees, removals included.
    pub fn reload(&self) {
        self.look(true);
    }

    /// Ends every stream and every task of it.
    pub fn shutdown(&self) {
        self.control.close();
    }

    /// Looks at the directory again and again, until the end.
    pub async fn watch(self) {
        let mut closing = self.control.closing();
        let mut priced = date_of((self.clock)());
        loop {
            tokio::select! {
                _ = closing.wait_for(|closing| *closing) => return,
                () = tokio::time::sleep(LOOK) => {}
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
            one.spawn_blocking(move || looking.look(false));
            one.join_next().await;
        }
    }

    fn look(&self, settled: bool) {
        let mut files = self.files();
        if files.look(settled) {
            self.take(&files);
        } else {
            self.gather(&files);
        }
    }

    fn take(&self, files: &Files) {
        self.control.set_complete(files.readable());
        self.control.update(|index| files.apply_to(index));
        self.gather(files);
    }

    /// Conflicts come and go with the sidecars, so problems are gathered at every look.
    fn gather(&self, files: &Files) {
        self.control.gather(files.listing().problems.clone(), |problem| files.listing().locate(problem));
    }

    fn files(&self) -> std::sync::MutexGuard<'_, Files> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn date_of(now: Timestamp) -> Date {
    now.to_zoned(TimeZone::UTC).date()
}

#[cfg(test)]
mod tests;

//! The policy in force, ready to be used: the snapshot, the keys it may use, and what each provider needs
//! worked out once rather than for every call.
//!
//! Built off the call path whenever policy or keys change, then swapped as a whole: a call sees one state.

mod place;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use http::{HeaderValue, Uri};
use sidegate_dialects::headers::credential_header;
use sidegate_dialects::splice::fixed_paths;
use sidegate_policy::{Operation, Provider, Snapshot};

pub use self::place::Place;
use crate::dispatch::breaker::Breakers;
use crate::dispatch::pool::{Pool, Pools};
use crate::dispatch::tls::InvalidAuthorities;
use crate::secret::Secret;
use crate::trace;

/// Keys by provider (`namespace/name`) and credential name.
pub type Keys = HashMap<(String, String), Secret>;

/// Places remembered; more distinct models than that are worked out anew each time.
const PLACES: usize = 512;

/// Places by provider and model.
type Places = HashMap<(usize, Arc<str>), Arc<Place>>;

/// A provider with what its calls need.
pub struct ArmedProvider {
    /// Its connections.
    pub pool: Arc<Pool>,
    /// For each credential, its header value; none if the key is not here.
    pub keys: Vec<Option<HeaderValue>>,
    /// It is told the trace context.
    pub told_traces: bool,
    /// Where its operations are asked for, as far as that is the same for every call.
    uris: Vec<(Operation, Uri)>,
}

impl ArmedProvider {
    /// Where an operation is asked for, if no model and no query is in it.
    #[must_use]
    pub fn uri(&self, operation: Operation) -> Option<&Uri> {
        self.uris.iter().find(|(of, _)| *of == operation).map(|(_, uri)| uri)
    }
}

/// The policy in force.
pub struct Armed {
    /// The policy.
    pub snapshot: Snapshot,
    /// Lower-case names of the headers that rules look at.
    pub header_names: Vec<Arc<str>>,
    /// In the order of the snapshot's providers.
    pub providers: Vec<ArmedProvider>,
    /// For each provider and credential: whether its key is here.
    pub present: Vec<Vec<bool>>,
    /// Enforced or told: some limit applies, so that buckets have to be asked.
    pub limited: bool,
    places: Mutex<Places>,
}

impl Armed {
    /// Works a snapshot out.
    ///
    /// # Errors
    /// [`InvalidAuthorities`] when a provider's certificates cannot be read.
    pub fn new(snapshot: Snapshot, keys: &Keys, pools: &Arc<Pools>) -> Result<Self, InvalidAuthorities> {
        let mut providers = Vec::with_capacity(snapshot.providers.len());
        for provider in &snapshot.providers {
            let uris = fixed_paths(provider.dialect, &provider.endpoint.path);
            providers.push(ArmedProvider {
                pool: pools.of(provider)?,
                keys: header_values(provider, keys),
                told_traces: trace::goes_to(&provider.endpoint.host, &snapshot.telemetry.traces.propagate_to),
                uris: uris.filter_map(|(operation, path)| Some((operation, path.try_into().ok()?))).collect(),
            });
        }
        let present = providers.iter().map(|p| p.keys.iter().map(Option::is_some).collect()).collect();
        Ok(Self {
            header_names: snapshot.header_names(),
            limited: !snapshot.limits.is_empty(),
            snapshot,
            providers,
            present,
            places: Mutex::new(HashMap::new()),
        })
    }

    /// The header value of a provider's credential, if its key is here.
    #[must_use]
    pub fn key(&self, provider: &str, credential: &str) -> Option<&HeaderValue> {
        let at = self.snapshot.providers.iter().position(|p| *p.key == *provider)?;
        let of = self.snapshot.providers[at].credentials.iter().position(|c| *c.name == *credential)?;
        self.providers.get(at)?.keys.get(of)?.as_ref()
    }

    /// What is known of a provider's model, with its circuits.
    pub fn place(&self, provider: usize, model: &Arc<str>, breakers: &Breakers) -> Option<Arc<Place>> {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = places.get(&(provider, model.clone())) {
            return Some(place.clone());
        }
        let place = Arc::new(Place::new(self.snapshot.providers.get(provider)?, model, breakers));
        if places.len() < PLACES {
            places.insert((provider, model.clone()), place.clone());
        }
        Some(place)
    }
}

fn header_values(provider: &Provider, keys: &Keys) -> Vec<Option<HeaderValue>> {
    let (_, prefix) = credential_header(provider.dialect);
    let value = |name: &str| keys.get(&(provider.key.to_string(), name.to_owned()))?.header(prefix);
    provider.credentials.iter().map(|c| value(&c.name)).collect()
}

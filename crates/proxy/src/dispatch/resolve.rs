//! From a name to addresses, with a resolver of our own: cached, bounded in time, without a blocking thread.
//!
//! DNSSEC validation is off (RUSTSEC-2026-0118); answers are not trusted beyond the address filter and the
//! certificate's name. An answer that cannot be had is replaced by the last one for a while.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use hickory_resolver::TokioResolver;
use sidegate_policy::{Class, Fault, Reason};
use tokio::time::Instant;

/// How long the last good answer may stand in for one that cannot be had.
const STALE: Duration = Duration::from_secs(600);
/// Names remembered for that.
const CAPACITY: usize = 256;

/// Resolves names; made at the first name, because literals need none.
#[derive(Default)]
pub struct Resolver {
    inner: OnceLock<Option<TokioResolver>>,
    last: Mutex<HashMap<String, (Instant, Vec<IpAddr>)>>,
}

impl Resolver {
    /// The addresses of `host`.
    ///
    /// # Errors
    /// A fault when there is no answer, now or of late.
    pub async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, Fault> {
        if let Ok(literal) = host.parse::<IpAddr>() {
            return Ok(vec![literal]);
        }
        if host.eq_ignore_ascii_case("localhost") {
            return Ok(vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]);
        }
        let inner = self.inner.get_or_init(|| TokioResolver::builder_tokio().and_then(|b| b.build()).ok()).as_ref();
        let found = match inner {
            Some(resolver) => resolver.lookup_ip(host).await.map(|l| l.iter().collect::<Vec<_>>()).unwrap_or_default(),
            None => Vec::new(),
        };
        if found.is_empty() { self.recall(host) } else { Ok(self.remember(host, found)) }
    }

    fn remember(&self, host: &str, found: Vec<IpAddr>) -> Vec<IpAddr> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.len() < CAPACITY || last.contains_key(host) {
            last.insert(host.to_owned(), (Instant::now(), found.clone()));
        }
        found
    }

    fn recall(&self, host: &str) -> Result<Vec<IpAddr>, Fault> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        match last.get(host).filter(|(at, _)| at.elapsed() < STALE) {
            Some((_, found)) => Ok(found.clone()),
            None => Err(Fault::provider(
                Class::ProviderTransient,
                Reason::DnsFailed,
                format!("The provider's name `{host}` could not be resolved."),
            )),
        }
    }
}

//! A family of metrics with a bound: label sets beyond it share one whose every value is `other`.

use std::borrow::Cow;
use std::sync::atomic::{AtomicUsize, Ordering};

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::registry::Registry;

use crate::names::label::OTHER;

/// A label and its value.
pub(super) type Label = (&'static str, Cow<'static, str>);

/// A bounded family. `N` labels, always the same ones in the same order.
#[derive(Debug)]
pub(super) struct Capped<const N: usize, M, C = fn() -> M> {
    family: Family<[Label; N], M, C>,
    /// Label sets that may still be added.
    left: AtomicUsize,
}

impl<const N: usize> Capped<N, Counter> {
    /// A bounded family of counters.
    pub(super) fn counters(registry: &mut Registry, name: &str, help: &str, cap: usize) -> Self {
        let family = Family::default();
        registry.register(name, help, family.clone());
        Self::of(family, cap)
    }
}

impl<const N: usize, M, C> Capped<N, M, C>
where
    M: Clone,
    C: MetricConstructor<M>,
{
    /// `family` with at most `cap` label sets, and the one of `other`.
    pub(super) fn of(family: Family<[Label; N], M, C>, cap: usize) -> Self {
        Self { family, left: AtomicUsize::new(cap) }
    }

    /// The metric of these labels.
    pub(super) fn get(&self, labels: [Label; N]) -> M {
        if let Some(metric) = self.family.get(&labels) {
            return metric.clone();
        }
        if self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok() {
            return self.family.get_or_create_owned(&labels);
        }
        let other = labels.map(|(name, _)| (name, Cow::Borrowed(OTHER)));
        self.family.get_or_create_owned(&other)
    }
}

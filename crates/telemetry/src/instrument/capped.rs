//! A family of instruments with a bound: label sets beyond it share one whose every value is `other`.
//!
//! Reading takes no lock: the table is replaced as a whole when a label set is new, which happens as often as
//! the bound says and then never again.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::ArcSwap;

use super::Instrument;
use crate::exposition::{Kind, Labels, Sample};
use crate::names::label::OTHER;

/// Values of `N` labels.
type Values<const N: usize> = [Cow<'static, str>; N];

/// A bounded family: the same labels always, in the same order.
#[derive(Debug)]
pub struct Capped<const N: usize, M>(Arc<Table<N, M>>);

#[derive(Debug)]
struct Table<const N: usize, M> {
    labels: [&'static str; N],
    /// Label sets at most, the one of `other` not counted.
    cap: usize,
    new: fn() -> M,
    kind: Kind,
    sets: ArcSwap<BTreeMap<Values<N>, M>>,
}

impl<const N: usize, M: Instrument + Clone> Capped<N, M> {
    /// A family without any label set yet; `new` makes an instrument for one.
    #[must_use]
    pub fn new(labels: [&'static str; N], cap: usize, new: fn() -> M) -> Self {
        let kind = new().kind();
        Self(Arc::new(Table { labels, cap, new, kind, sets: ArcSwap::default() }))
    }

    /// The instrument of these values.
    #[must_use]
    pub fn get(&self, values: Values<N>) -> M {
        match self.0.sets.load().get(&values) {
            Some(found) => found.clone(),
            None => self.add(values),
        }
    }

    fn add(&self, values: Values<N>) -> M {
        let (other, new) = ([const { Cow::Borrowed(OTHER) }; N], (self.0.new)());
        let place = |sets: &BTreeMap<Values<N>, M>| {
            let taken = sets.len() - usize::from(sets.contains_key(&other));
            if sets.contains_key(&values) || taken < self.0.cap { values.clone() } else { other.clone() }
        };
        // Beyond the bound nothing changes any more, and nothing is copied.
        if let Some(found) = self.0.sets.load().get(&place(&self.0.sets.load())) {
            return found.clone();
        }
        self.0.sets.rcu(|sets| {
            let mut more = (**sets).clone();
            more.entry(place(sets)).or_insert_with(|| new.clone());
            more
        });
        let sets = self.0.sets.load();
        sets.get(&values).or_else(|| sets.get(&other)).cloned().unwrap_or(new)
    }
}

impl<const N: usize, M> Clone for Capped<N, M> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<const N: usize, M: Instrument> Instrument for Capped<N, M> {
    fn kind(&self) -> Kind {
        self.0.kind
    }

    fn read(&self, labels: &Labels, into: &mut Vec<Sample>) {
        for (values, instrument) in self.0.sets.load().iter() {
            let own = self.0.labels.iter().copied().zip(values.iter().cloned());
            instrument.read(&labels.iter().cloned().chain(own).collect(), into);
        }
    }
}

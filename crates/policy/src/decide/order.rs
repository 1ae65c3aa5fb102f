//! The order in which candidates are tried: priority, then a draw by weight, then the conversation's pin.

use std::cmp::Reverse;

use super::Question;
use super::candidates::Weighed;
use crate::plan::Candidate;

/// A sequence of numbers from one draw (splitmix64, <https://prng.di.unimi.it/splitmix64.c>, public domain).
struct Draws(u64);

impl Draws {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// An index, each with the probability of its weight; weights are not all 0.
    fn pick(&mut self, weights: impl Iterator<Item = u32> + Clone) -> usize {
        let total: u64 = weights.clone().map(u64::from).sum();
        // Multiply-shift maps 64 random bits to 0..total evenly enough: total is far below 2⁶⁴.
        let mut at = ((u128::from(self.next()) * u128::from(total)) >> 64) as u64;
        for (index, weight) in weights.enumerate() {
            if at < u64::from(weight) {
                return index;
            }
            at -= u64::from(weight);
        }
        0
    }
}

impl Question<'_> {
    /// The candidates in the order to try, and whether an earlier turn put the first one first.
    pub(super) fn order(&self, mut found: Vec<Weighed>) -> (Vec<Candidate>, bool) {
        let mut draws = Draws(self.draw);
        let mut ordered = Vec::with_capacity(found.len());
        if found.len() > 1 {
            // Stable, and from the back, so that the lowest priority can be popped off in its own order.
            found.sort_by_key(|w| Reverse(w.candidate.priority));
        }
        while let Some(priority) = found.last().map(|w| w.candidate.priority) {
            let start = found.iter().position(|w| w.candidate.priority == priority).unwrap_or(0);
            let chosen = if found.len() - start == 1 { 0 } else { draws.pick(found[start..].iter().map(|w| w.weight)) };
            let mut candidate = found.remove(start + chosen).candidate;
            self.order_credentials(&mut candidate, &mut draws);
            ordered.push(candidate);
        }
        let pinned = self.pin_first(&mut ordered);
        (ordered, pinned)
    }

    fn order_credentials(&self, candidate: &mut Candidate, draws: &mut Draws) {
        let Some(provider) =
            self.snapshot.providers.get(candidate.provider).filter(|_| candidate.credentials.len() > 1)
        else {
            return;
        };
        let mut left = std::mem::take(&mut candidate.credentials);
        while !left.is_empty() {
            let chosen = draws.pick(left.iter().map(|i| provider.credentials.get(*i).map_or(0, |c| c.weight)));
            candidate.credentials.push(left.remove(chosen));
        }
    }

    /// Moves the place of an earlier turn to the front, if it is among the first priority's candidates or
    /// any later one's: a conversation stays where it began as long as that place can be used.
    fn pin_first(&self, ordered: &mut [Candidate]) -> bool {
        let Some(pin) = self.conditions.pin else {
            return false;
        };
        let provider = |c: &Candidate| self.snapshot.providers.get(c.provider);
        let at =
            ordered.iter().position(|c| c.model == pin.model && provider(c).is_some_and(|p| p.key == pin.provider));
        let Some((at, provider)) = at.and_then(|at| Some((at, provider(&ordered[at])?))) else {
            return false;
        };
        ordered[..=at].rotate_right(1);
        let first = &mut ordered[0];
        let credential = first.credentials.iter().position(|i| provider.credentials[*i].name == pin.credential);
        if let Some(credential) = credential {
            first.credentials[..=credential].rotate_right(1);
        }
        credential.is_some() || first.credentials.is_empty()
    }
}

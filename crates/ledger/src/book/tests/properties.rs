//! What holds whatever comes: against a model that is too simple to be wrong, and for the sums that a limit
//! is there for.

use std::time::Duration;

use proptest::prelude::*;
use sidegate_policy::{Limit, Unit};

use super::limit;
use super::reference::Reference;
use crate::book::Book;
use crate::hold::{Hold, Outcome, Tokens};

/// What may happen to a book.
#[derive(Debug, Clone)]
enum Step {
    Pass(Duration),
    Admit,
    Reserve(Tokens),
    /// Settles one of the open holds.
    Settle(usize, Outcome),
    /// Changes a limit's amount. (A changed window rounds up, and has a property of its own.)
    Edit(usize, u64),
    /// Removes all limits and brings them back.
    Recreate,
}

const UNITS: [Unit; 5] =
    [Unit::Requests, Unit::InputTokens, Unit::OutputTokens, Unit::TotalTokens, Unit::ConcurrentRequests];

fn window(choice: u64) -> Duration {
    Duration::from_secs([1, 2, 7, 10, 60, 420][usize::try_from(choice % 6).unwrap()])
}

fn tokens() -> impl Strategy<Value = Tokens> {
    (0..40_u64, 0..40_u64).prop_map(|(input, output)| Tokens { input, output })
}

fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![tokens().prop_map(Outcome::Used), Just(Outcome::Void), Just(Outcome::Unknown)]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..3_000_000_000_u64).prop_map(|n| Step::Pass(Duration::from_nanos(n))),
        4 => Just(Step::Admit),
        4 => tokens().prop_map(Step::Reserve),
        5 => (0..64_usize, outcome()).prop_map(|(i, o)| Step::Settle(i, o)),
        1 => (0..5_usize, 1..60_u64).prop_map(|(i, a)| Step::Edit(i, a)),
        1 => Just(Step::Recreate),
    ]
}

fn limits() -> impl Strategy<Value = Vec<Limit>> {
    prop::collection::vec((1..60_u64, 0..6_u64), 5).prop_map(|amounts| {
        let named = UNITS.into_iter().zip(amounts);
        named.map(|(unit, (amount, w))| limit(unit.as_str(), unit, amount, window(w))).collect()
    })
}

/// A book and the reference, driven by the same steps.
struct Pair {
    book: Book,
    reference: Reference,
    limits: Vec<Limit>,
    now: Duration,
    holds: Vec<(Hold, Vec<(String, i128)>)>,
}

impl Pair {
    fn new(limits: Vec<Limit>) -> Self {
        let (book, now) = (Book::new(), Duration::from_secs(5));
        Self { book, reference: Reference::default(), limits, now, holds: Vec::new() }
    }

    fn step(&mut self, step: &Step) -> Result<(), TestCaseError> {
        match step {
            Step::Pass(time) => self.now += *time,
            Step::Admit => self.take(None)?,
            Step::Reserve(bound) => self.take(Some(*bound))?,
            Step::Settle(index, outcome) if !self.holds.is_empty() => {
                let (hold, taken) = self.holds.swap_remove(index % self.holds.len());
                self.book.settle(hold, *outcome, self.now);
                self.settle_reference(&taken, *outcome);
            }
            Step::Settle(..) => {}
            Step::Edit(index, amount) => {
                self.limits[*index].amount = *amount;
                self.book.reconcile(&self.limits, self.now);
            }
            Step::Recreate => {
                self.book.reconcile(&[], self.now);
                self.book.reconcile(&self.limits, self.now);
            }
        }
        self.compare()
    }

    /// Takes from both, which must agree on whether there is room.
    fn take(&mut self, bound: Option<Tokens>) -> Result<(), TestCaseError> {
        let mut taken = Vec::new();
        let mut fits = true;
        for limit in self.limits.iter().filter(|l| l.unit.is_tokens() == bound.is_some()) {
            let bucket = self.reference.bucket(limit, self.now);
            let wanted = bucket.wanted(bound.unwrap_or_default());
            fits &= bucket.fits(wanted);
            taken.push((limit.id.name.to_string(), wanted));
        }
        let answer = match bound {
            None => self.book.admit(&self.limits, self.now),
            Some(bound) => self.book.reserve(&self.limits, bound, self.now),
        };
        match answer {
            Ok(hold) => {
                prop_assert!(fits, "the book admitted what the reference refuses");
                taken.iter().for_each(|(name, wanted)| self.reference.0.get_mut(name).unwrap().take(*wanted));
                self.holds.push((hold, taken));
            }
            Err(short) => {
                prop_assert!(!fits, "the book refused what the reference admits: {short:?}");
                self.check_retry(bound, short.retry_after)?;
            }
        }
        Ok(())
    }

    /// At `retry_after` the reference admits, a nanosecond earlier it does not.
    fn check_retry(&self, bound: Option<Tokens>, after: Option<Duration>) -> Result<(), TestCaseError> {
        let fits_at = |now: Duration| {
            self.limits.iter().filter(|l| l.unit.is_tokens() == bound.is_some()).all(|limit| {
                let mut bucket = self.reference.0[&*limit.id.name].clone();
                bucket.refill(now);
                bucket.fits(bucket.wanted(bound.unwrap_or_default()))
            })
        };
        match after {
            Some(after) => {
                prop_assert!(fits_at(self.now + after), "too early");
                prop_assert!(!fits_at(self.now + after - Duration::from_nanos(1)), "too late");
            }
            None => prop_assert!(!fits_at(self.now + Duration::from_secs(1_000_000)), "it was only a matter of time"),
        }
        Ok(())
    }

    fn settle_reference(&mut self, taken: &[(String, i128)], outcome: Outcome) {
        for (name, held) in taken {
            let limit = self.limits.iter().find(|l| *l.id.name == **name).unwrap();
            let bucket = self.reference.bucket(limit, self.now);
            let used = match outcome {
                Outcome::Used(tokens) => tokens.of(bucket.unit).map_or(*held, i128::from),
                Outcome::Void => 0,
                Outcome::Unknown => *held,
            };
            bucket.give_back(*held, used);
        }
    }

    fn compare(&mut self) -> Result<(), TestCaseError> {
        for room in self.book.headroom(&self.limits, self.now) {
            let bucket = self.reference.bucket(&self.limits[room.index], self.now);
            prop_assert_eq!(i128::from(room.remaining), bucket.remaining(), "{:?} at {:?}", room.unit, self.now);
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    /// Admission, remaining amounts and waits are those of the reference after any steps.
    #[test]
    fn a_book_agrees_with_the_naive_model(limits in limits(), steps in prop::collection::vec(step(), 1..120)) {
        let mut pair = Pair::new(limits);
        for step in &steps {
            pair.step(step)?;
        }
    }

    /// Whatever happens, a place that was taken is given back once its hold is settled.
    #[test]
    fn concurrency_never_leaks(limits in limits(), steps in prop::collection::vec(step(), 1..120)) {
        let mut pair = Pair::new(limits);
        for step in &steps {
            pair.step(step)?;
        }
        while let Some((hold, _)) = pair.holds.pop() {
            pair.book.settle(hold, Outcome::Unknown, pair.now);
        }
        let rooms = pair.book.headroom(&pair.limits, pair.now);
        let places = rooms.iter().find(|r| r.unit == Unit::ConcurrentRequests).unwrap();
        prop_assert_eq!(places.remaining, places.limit);
    }

    /// Over any stretch of time no more is used than the full amount and what the stretch refills, as long
    /// as no usage is above what was held.
    #[test]
    fn no_window_sees_more_than_amount_and_refill(
        amount in 1..50_u64,
        choice in 0..6_u64,
        calls in prop::collection::vec((0..2_000_000_000_u64, 1..30_u64, 0..100_u64), 1..100),
    ) {
        let limits = [limit("tpm", Unit::InputTokens, amount, window(choice))];
        let (mut book, mut now) = (Book::new(), Duration::from_secs(1));
        let mut used: Vec<(Duration, u64)> = Vec::new();
        for (pass, bound, share) in calls {
            now += Duration::from_nanos(pass);
            if let Ok(hold) = book.reserve(&limits, Tokens { input: bound, output: 0 }, now) {
                let taken = bound.min(amount) * share / 100;
                book.settle(hold, Outcome::Used(Tokens { input: taken, output: 0 }), now);
                used.push((now, taken));
            }
        }
        for (first, (from, _)) in used.iter().enumerate() {
            let mut sum: u128 = 0;
            for (to, tokens) in &used[first..] {
                sum += u128::from(*tokens);
                let refilled = u128::from(amount) * (*to - *from).as_nanos();
                let most = u128::from(amount) * window(choice).as_nanos() + refilled;
                prop_assert!(sum * window(choice).as_nanos() <= most, "{sum} tokens from {from:?} to {to:?}");
            }
        }
    }

    /// Any edits, to windows that divide nothing: what is missing in whole tokens never shrinks by them.
    #[test]
    fn an_edit_never_refills(
        amount in 1..1_000_000_u64,
        taken in 1..1_000_000_u64,
        edits in prop::collection::vec((1..1_000_000_u64, 1..86_400_000_000_000_u64), 1..50),
    ) {
        let of = |amount, window| [limit("tpm", Unit::InputTokens, amount, Duration::from_nanos(window))];
        let (mut book, now) = (Book::new(), Duration::from_secs(9));
        let limits = of(amount, 60_000_000_000);
        let bound = Tokens { input: taken, output: 0 };
        let _held = book.reserve(&limits, bound, now).unwrap();
        for (amount, window) in edits {
            book.reconcile(&of(amount, window), now);
        }
        book.reconcile(&limits, now);
        let left = book.headroom(&limits, now)[0].remaining;
        prop_assert!(left <= amount - taken.min(amount));
        // Nor does it take: 51 edits round up by less than a token together, for a window of a minute.
        prop_assert!(left + 1 >= amount - taken.min(amount));
    }

    /// The largest numbers that a limit can have neither panic nor admit.
    #[test]
    fn extremes_are_survived(amount in any::<u64>(), window in any::<u64>(), bound in any::<u64>(), now in any::<u64>()) {
        let limits = [limit("tpm", Unit::TotalTokens, amount, Duration::from_nanos(window))];
        let (mut book, now) = (Book::new(), Duration::from_nanos(now));
        if let Ok(hold) = book.reserve(&limits, Tokens { input: bound, output: bound }, now) {
            let most = Tokens { input: u64::MAX, output: u64::MAX };
            book.settle(hold, Outcome::Used(most), now);
            let more = book.reserve(&limits, Tokens { input: 1, output: 0 }, now);
            prop_assert!(more.is_err());
            book.reconcile(&[limit("tpm", Unit::TotalTokens, 1, Duration::from_nanos(1))], now);
            let _ = book.headroom(&limits, now + Duration::from_secs(u64::from(u32::MAX)));
        }
    }
}

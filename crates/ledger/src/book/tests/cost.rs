//! What a call under limits costs: a measurement, run by hand on a quiet machine.
//!
//! `make bench-parts`

use std::hint::black_box;
use std::time::{Duration, Instant};

use super::*;

#[test]
#[ignore = "a measurement"]
#[expect(clippy::disallowed_methods, reason = "a measurement reads the clock")]
fn a_call_under_four_limits() {
    const ROUNDS: u32 = 200_000;
    let limits =
        [requests(1 << 40, 1), concurrent(100), tokens(Unit::TotalTokens, 1 << 40), tokens(Unit::InputTokens, 1 << 40)];
    let mut book = Book::new();
    book.reconcile(&limits, START);
    let mut run = || {
        let start = Instant::now();
        for i in 0..ROUNDS {
            let now = START + Duration::from_micros(u64::from(i) * 100);
            let door = book.admit(black_box(&limits), now).unwrap();
            let attempt = book.reserve(black_box(&limits), Tokens { input: 900, output: 4096 }, now).unwrap();
            book.settle(attempt, used(12, 34), now);
            black_box(book.tightest(&limits, now));
            book.settle(door, used(0, 0), now);
        }
        start.elapsed() / ROUNDS
    };
    let cost = (0..7).map(|_| run()).min().unwrap();
    println!("admit, reserve, two settlements, headroom: {cost:?}");
    assert!(cost <= Duration::from_micros(5), "{cost:?}");
}

//! The queue's bound, and what it counts.

use super::{SpanQueue, spans};
use crate::record::{Content, Detail};
use crate::testing::record;

#[test]
fn calls_come_out_in_their_order_and_no_more_than_asked_for() {
    let queue = SpanQueue::default();
    for n in 0..5 {
        let mut record = record();
        record.bytes_in = n;
        queue.push(&record);
    }
    let mut taken = Vec::new();
    queue.take(3, &mut taken);
    assert_eq!(taken.iter().map(|r| r.bytes_in).collect::<Vec<_>>(), [0, 1, 2]);
    queue.take(100, &mut taken);
    assert_eq!(taken.iter().map(|r| r.bytes_in).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
    assert_eq!((queue.bytes(), queue.dropped()), (0, 0));
}

#[test]
fn what_finds_no_room_is_dropped_and_counted_by_spans() {
    let record = record();
    let queue = SpanQueue::new(2 * record.weight());
    for _ in 0..5 {
        queue.push(&record);
    }
    assert_eq!(queue.dropped(), 3 * spans(&record));
    assert!(queue.bytes() <= 2 * record.weight());
    let mut taken = Vec::new();
    queue.take(100, &mut taken);
    assert_eq!(taken.len(), 2);
    queue.push(&record);
    queue.take(100, &mut taken);
    assert_eq!(taken.len(), 3, "there is room again");
}

#[test]
fn content_counts_against_the_bound() {
    let mut record = record();
    let light = record.weight();
    let content = Content { input: "x".repeat(10_000).into(), ..Content::default() };
    record.detail = Some(Box::new(Detail { content: Some(Box::new(content)), ..Detail::default() }));
    assert!(record.weight() > light + 10_000);
}

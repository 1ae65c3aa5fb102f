//! The queue's bounds, its batches, and what it counts.

use super::{BUFFER, Batch, FULL, SpanQueue};
use crate::record::{CallRecord, Content, Detail};
use crate::testing::{attempt, record};

/// All batches that wait.
fn taken(queue: &SpanQueue) -> Vec<Batch> {
    std::iter::from_fn(|| queue.take()).collect()
}

fn spans(batches: &[Batch]) -> u64 {
    batches.iter().map(|batch| batch.spans).sum()
}

/// What waits when a call waits.
fn size_of(record: &CallRecord) -> usize {
    let queue = SpanQueue::default();
    queue.push(record);
    queue.bytes()
}

#[test]
fn spans_come_out_in_their_order_and_all_of_them() {
    let (queue, mut calls) = (SpanQueue::new(usize::MAX), Vec::new());
    for n in 0..500 {
        let mut call = record();
        call.bytes_in = n;
        crate::otlp::spans::write(&call, &mut calls);
        queue.push(&call);
    }
    assert_eq!(queue.bytes(), calls.len());
    let batches = taken(&queue);
    assert_eq!(batches.iter().flat_map(|batch| &batch.bytes).copied().collect::<Vec<_>>(), calls);
    assert_eq!((spans(&batches), queue.bytes(), queue.dropped()), (1000, 0, 0));
    assert!(queue.take().is_none());
}

#[test]
fn a_batch_is_full_when_it_is_and_the_rest_waits_for_whoever_wants_it() {
    let (queue, call) = (SpanQueue::default(), record());
    for _ in 0..=FULL / size_of(&call) {
        assert!(queue.take_full().is_none());
        queue.push(&call);
    }
    queue.push(&call);
    let full = queue.take_full().unwrap();
    assert!(full.bytes.len() >= FULL && full.bytes.len() < FULL + size_of(&call));
    assert!(queue.take_full().is_none());
    assert_eq!((queue.take().unwrap().spans, queue.bytes()), (2, 0));
}

#[test]
fn what_finds_no_room_is_dropped_and_counted_by_spans() {
    let mut call = record();
    call.attempts.push(attempt());
    let size = size_of(&call);
    let queue = SpanQueue::new(2 * size + size / 2);
    for _ in 0..5 {
        queue.push(&call);
    }
    assert_eq!((queue.dropped(), queue.bytes()), (9, 2 * size));
    assert_eq!(spans(&taken(&queue)), 6);
    queue.push(&call);
    assert_eq!(spans(&taken(&queue)), 3, "there is room again");
}

#[test]
fn content_counts_against_the_bound_and_one_call_beyond_it_keeps_nobody_out() {
    let mut call = record();
    let content = Content { input: "x".repeat(10_000).into(), ..Content::default() };
    call.detail = Some(Box::new(Detail { content: Some(Box::new(content)), ..Detail::default() }));
    let queue = SpanQueue::new(10_000);
    queue.push(&call);
    assert_eq!((queue.dropped(), queue.bytes()), (2, 0));
    queue.push(&record());
    assert_eq!((queue.dropped(), queue.bytes()), (2, size_of(&record())));
}

#[test]
fn after_a_call_that_found_no_room_none_is_tried_until_some_is_made() {
    let mut large = record();
    large.attempts.push(attempt());
    let size = size_of(&record());
    let queue = SpanQueue::new(size + size_of(&large) - 1);
    for call in [&record(), &large, &record()] {
        queue.push(call);
    }
    assert_eq!((queue.dropped(), queue.bytes()), (5, size));
    assert_eq!(spans(&taken(&queue)), 2);
    queue.push(&record());
    assert_eq!(queue.bytes(), size);
}

#[test]
fn a_buffer_is_used_again_unless_it_became_too_large() {
    let queue = SpanQueue::default();
    for (given, kept) in [(FULL + 1, false), (2 * BUFFER - 1, true), (2 * BUFFER + 1, false)] {
        queue.give_back(Vec::with_capacity(given));
        queue.push(&record());
        let batch = queue.take().unwrap();
        assert_eq!((batch.bytes.capacity() == given, batch.spans), (kept, 2), "{given}");
    }
}

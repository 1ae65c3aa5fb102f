//! What the writer does with lines that cannot be written.

use std::path::Path;
use std::sync::Arc;

use super::{Output, Rotation, Writer};
use crate::audit::{AuditQueue, Format};
use crate::testing::record;

#[test]
fn lines_that_a_full_disk_does_not_take_are_counted() {
    let queue = Arc::new(AuditQueue::new(Format::Json, 1 << 20));
    let full = Output::open(Path::new("/dev/full"), Rotation { max_bytes: 1 << 20, keep: 1 }).unwrap();
    let writer = Writer::start(queue.clone(), full).unwrap();
    (0..3).for_each(|_| queue.push(&record()));
    // It writes what is queued before it ends.
    drop(writer);
    assert_eq!(queue.dropped(), 3);
}

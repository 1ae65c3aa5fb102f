//! Clients that go away, row by row: upstream is cancelled at once, and the books are right.

mod leaving;
mod many;
mod reading;
mod settling;

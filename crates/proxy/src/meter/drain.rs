//! What comes after the last event of a stream: read a little and briefly, so that the connection can be
//! used again, or not at all.

use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::time::timeout;

use crate::dispatch::pool::Lease;

/// Bytes read at most.
const BYTES: usize = 64 * 1024;
/// Time spent at most.
const TIME: Duration = Duration::from_secs(1);

/// Reads `rest` to its end, and gives the connection back if it has one.
pub async fn drain(mut rest: Incoming, lease: Lease) {
    let to_end = async {
        let mut read = 0;
        while let Some(frame) = rest.frame().await {
            read += frame.ok()?.data_ref().map_or(0, bytes::Bytes::len);
            if read > BYTES {
                return None;
            }
        }
        Some(())
    };
    if let Ok(Some(())) = timeout(TIME, to_end).await {
        lease.give_back();
    }
}

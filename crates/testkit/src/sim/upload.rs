//! The body of a request, gathered under a limit.

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};

use super::config::MAX_BODY;

/// Why a body has not arrived.
pub(crate) enum Lost {
    /// The client went away.
    ClientGone,
    /// It is larger than the limit.
    TooLarge,
}

/// Gathers a body, up to the limit.
pub(crate) async fn gather(mut body: Incoming) -> Result<Bytes, Lost> {
    let announced = body.size_hint().exact().unwrap_or_default();
    if announced > MAX_BODY as u64 {
        return Err(Lost::TooLarge);
    }
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Lost::ClientGone)?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if first.len() + all.len() + data.len() > MAX_BODY {
            return Err(Lost::TooLarge);
        }
        if first.is_empty() && all.is_empty() {
            first = data;
            continue;
        }
        if all.is_empty() {
            all.extend_from_slice(&std::mem::take(&mut first));
        }
        all.extend_from_slice(&data);
    }
    Ok(if all.is_empty() { first } else { all.freeze() })
}

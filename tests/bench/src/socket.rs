//! Reading without a buffer for each connection: what arrives is looked at and forgotten.
//!
//! Not here: anything that must be kept between reads. That is the reader's.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;

use tokio::io::{AsyncRead, ReadBuf};

/// Bytes read at once. More than a socket usually holds on loopback, so that one read empties it
/// and the runtime need not ask again.
const READ: usize = 256 << 10;

thread_local! {
    /// One buffer for all connections of a thread: with their own, thousands of them would push
    /// the target's data out of the shared cache.
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; READ]);
}

/// Reads once and hands over what came; no bytes mean that the peer has closed.
pub(crate) async fn read<S, T>(stream: &mut S, mut look: impl FnMut(&[u8]) -> T) -> io::Result<T>
where
    S: AsyncRead + Unpin,
{
    poll_fn(|context| {
        BUFFER.with_borrow_mut(|buffer| {
            let mut buffer = ReadBuf::new(buffer);
            Pin::new(&mut *stream).poll_read(context, &mut buffer).map(|result| result.map(|()| look(buffer.filled())))
        })
    })
    .await
}

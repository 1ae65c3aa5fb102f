//! Streams to people, each told by a task of its own.
//!
//! A transport does not look at a stream whose reader has stopped reading, so that what is kept for it would stay for as
//! long as its connection does. Here it goes after a while, and a reader that comes back is told why.

use std::pin::{Pin, pin};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_util::{Stream, StreamExt, stream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tonic::Status;

/// Whoever leaves a message unread for so long is not there any more.
const UNREAD: Duration = Duration::from_secs(30);
/// Messages that may be on their way.
const AHEAD: usize = 4;

/// What a person is sent.
pub(super) type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// The tasks; dropped, all streams end.
#[derive(Default)]
pub(super) struct Tellers(Mutex<JoinSet<()>>);

impl Tellers {
    /// What `told` tells, for as long as somebody reads it.
    pub(super) fn tell<T: Send + 'static>(
        &self,
        told: impl Stream<Item = Result<T, Status>> + Send + 'static,
    ) -> Answers<T> {
        let ((messages, read), (end, ended)) = (mpsc::channel(AHEAD), oneshot::channel());
        let mut tasks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(tell(told, messages, end));
        drop(tasks);
        Box::pin(stream::unfold((read, Some(ended)), |(mut read, ended)| async move {
            if let Some(message) = read.recv().await {
                return Some((message, (read, ended)));
            }
            let why = ended?.try_recv().ok()?;
            Some((Err(why), (read, None)))
        }))
    }
}

/// Hands on each message of `told` while somebody takes them; says why it ends if nobody does.
async fn tell<T>(
    told: impl Stream<Item = Result<T, Status>>,
    messages: mpsc::Sender<Result<T, Status>>,
    end: oneshot::Sender<Status>,
) {
    let mut told = pin!(told);
    loop {
        let next = tokio::select! {
            () = messages.closed() => return,
            next = told.next() => next,
        };
        let Some(message) = next else { return };
        match timeout(UNREAD, messages.send(message)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return,
            Err(_) => {
                let _ = end.send(Status::resource_exhausted("what was told was left unread for too long"));
                return;
            }
        }
    }
}

//! The writer of audit lines: a thread of its own that drains the queue by tick.
//!
//! A call never wakes it and never waits for it: what does not fit the queue is dropped and counted there.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::Builder;
use std::time::Duration;

use sidegate_telemetry::AuditQueue;

/// How long the last lines may take at shutdown: whoever reads them may have stopped reading.
const LAST_LINES: Duration = Duration::from_millis(500);
/// How long a line may wait.
const TICK: Duration = Duration::from_millis(50);

/// The running writer. Dropped, it writes what is queued and ends, or is left to the process.
pub struct Writer {
    stop: Option<Sender<()>>,
    ended: Receiver<()>,
}

/// Opens what lines are appended to: a file, or standard output for `-`.
///
/// # Errors
/// When the file cannot be opened for appending.
pub fn open(path: &Path) -> io::Result<Box<dyn Write + Send>> {
    if path == Path::new("-") {
        return Ok(Box::new(io::stdout()));
    }
    Ok(Box::new(OpenOptions::new().create(true).append(true).open(path)?))
}

impl Writer {
    /// Starts writing.
    ///
    /// # Errors
    /// When no thread can be had.
    pub fn start(queue: Arc<AuditQueue>, into: Box<dyn Write + Send>) -> io::Result<Self> {
        let ((stop, stopped), (ends, ended)) = (channel(), channel());
        Builder::new().name("audit".into()).spawn(move || {
            let _ends = ends;
            write(&queue, into, &stopped);
        })?;
        Ok(Self { stop: Some(stop), ended })
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.stop.take());
        let _ = self.ended.recv_timeout(LAST_LINES);
    }
}

fn write(queue: &AuditQueue, mut into: Box<dyn Write + Send>, stopped: &Receiver<()>) {
    let mut lines = Vec::new();
    loop {
        let last = stopped.recv_timeout(TICK) == Err(RecvTimeoutError::Disconnected);
        lines.clear();
        queue.drain(&mut lines);
        if !lines.is_empty()
            && let Err(error) = into.write_all(&lines).and_then(|()| into.flush())
        {
            tracing::error!(%error, bytes = lines.len(), "audit lines could not be written");
        }
        if last {
            return;
        }
    }
}

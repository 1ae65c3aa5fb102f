//! The writer of audit lines: a thread of its own that drains the queue by tick.
//!
//! A call never wakes it and never waits for it: what does not fit the queue is dropped and counted there, and so is
//! what cannot be written. A full disk is told once, and once more when it has room again.

#[cfg(test)]
mod tests;

use std::io::{self, Stdout, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::Builder;
use std::time::Duration;

use super::AuditQueue;
use super::file::{Rotated, Rotation, Unwritten, count, write};

/// How long the last lines may take at shutdown: whoever reads them may have stopped reading.
const LAST_LINES: Duration = Duration::from_millis(500);
/// How long a line may wait.
const TICK: Duration = Duration::from_millis(50);

/// What lines are written to.
#[derive(Debug)]
pub struct Output(Kind);

#[derive(Debug)]
enum Kind {
    Standard(Stdout),
    File(Rotated),
}

impl Output {
    /// Opens what lines are appended to: a file, or standard output for `-`.
    ///
    /// # Errors
    /// When the file cannot be opened for appending.
    pub fn open(path: &Path, rotation: Rotation) -> io::Result<Self> {
        if path == Path::new("-") {
            return Ok(Self(Kind::Standard(io::stdout())));
        }
        Rotated::open(path, rotation).map(|file| Self(Kind::File(file)))
    }

    fn append(&mut self, lines: &[u8]) -> Result<(), Unwritten> {
        match &mut self.0 {
            Kind::File(file) => file.append(lines),
            Kind::Standard(stdout) => {
                let mut stdout = stdout.lock();
                let written = write(&mut stdout, lines).and_then(|()| stdout.flush().map_err(|error| (0, error)));
                written
                    .map_err(|(kept, error)| Unwritten { lines: count(lines.get(kept..).unwrap_or_default()), error })
            }
        }
    }
}

/// The running writer. Dropped, it writes what is queued and ends, or is left to the process.
#[derive(Debug)]
pub struct Writer {
    stop: Option<Sender<()>>,
    ended: Receiver<()>,
}

impl Writer {
    /// Starts writing.
    ///
    /// # Errors
    /// When no thread can be had.
    pub fn start(queue: Arc<AuditQueue>, into: Output) -> io::Result<Self> {
        let ((stop, stopped), (ends, ended)) = (channel(), channel());
        Builder::new().name("audit".into()).spawn(move || {
            let _ends = ends;
            run(&queue, into, &stopped);
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

fn run(queue: &AuditQueue, mut into: Output, stopped: &Receiver<()>) {
    let (mut lines, mut lost) = (Vec::new(), 0);
    loop {
        let last = stopped.recv_timeout(TICK) == Err(RecvTimeoutError::Disconnected);
        lines.clear();
        queue.drain(&mut lines);
        if !lines.is_empty() {
            lost = take(into.append(&lines), queue, lost);
        }
        if last {
            return;
        }
    }
}

/// Takes how a write ended after `lost` lines were lost in a row; how many are now.
fn take(written: Result<(), Unwritten>, queue: &AuditQueue, lost: u64) -> u64 {
    match written {
        Ok(()) => {
            if lost > 0 {
                tracing::info!("audit lines are written again; {lost} were lost");
            }
            0
        }
        Err(Unwritten { lines, error }) => {
            if lost == 0 {
                tracing::error!(%error, "audit lines cannot be written, and are lost until they can be");
            }
            queue.lost(lines);
            lost + lines
        }
    }
}

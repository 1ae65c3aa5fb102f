//! What running sidecars tell, asked of the control plane: [`tap`], [`top`] and [`trace`].
//!
//! The way there is not encrypted, so it leads over loopback alone: beside `sidegate dev` directly, in a cluster through
//! `kubectl port-forward`. Where the control plane asks who this is, it is shown the token that kubectl would show the
//! API server. A replica of the control plane knows its own sidecars alone, and says of how many; all that are named are
//! asked, and answer as one.

mod line;
mod reach;
mod replicas;
pub mod tap;
pub mod top;
pub mod trace;

use std::io::Write;
use std::process::ExitCode;

use tonic::{Code, Status};

use crate::failure::{FORBIDDEN, Failure, UNAVAILABLE, USAGE};

/// Runs `work` until it ends, or until it is interrupted, which is no failure.
fn run(work: impl Future<Output = Result<ExitCode, Failure>>) -> Result<ExitCode, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::new(UNAVAILABLE, error))?;
    runtime.block_on(async {
        tokio::select! {
            done = work => done,
            _ = tokio::signal::ctrl_c() => Ok(ExitCode::SUCCESS),
        }
    })
}

/// Why the control plane gives no answer.
fn failure(status: &Status) -> Failure {
    let code = match status.code() {
        Code::PermissionDenied | Code::Unauthenticated => FORBIDDEN,
        Code::InvalidArgument => USAGE,
        Code::Unimplemented => {
            return Failure::new(
                UNAVAILABLE,
                "what answers there does not show running calls: people have a port of their own, by default 4783",
            );
        }
        _ => UNAVAILABLE,
    };
    Failure::new(code, status.message())
}

/// How a replica's stream ended.
fn ended<T>(event: Result<Option<T>, Status>) -> Result<T, Failure> {
    let event = event.map_err(|status| failure(&status))?;
    event.ok_or_else(|| Failure::new(UNAVAILABLE, "the control plane has ended"))
}

/// Writes on standard output; false when nobody reads any more.
fn write(text: &str) -> bool {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_ok()
}

/// Says something beside the answer.
fn aside(text: &str) {
    let _ = writeln!(std::io::stderr(), "sidegate: {text}");
}

//! SIGTERM and SIGINT, as a value that turns true.

use std::io;

use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Resolves once `stop` is true, or nobody can say so any more.
pub async fn stopped(mut stop: watch::Receiver<bool>) {
    // `wait_for` would say it in one call, and keep twice as much for as long as a connection lives.
    while !*stop.borrow_and_update() && stop.changed().await.is_ok() {}
}

/// Turns true at the first SIGTERM or SIGINT. A second one ends the process at once.
///
/// # Errors
/// When signals cannot be watched.
pub fn stop_on_signal() -> io::Result<watch::Receiver<bool>> {
    let (stop, stopped) = watch::channel(false);
    let runtime = Builder::new_current_thread().enable_io().build()?;
    let (mut terminate, mut interrupt) = {
        let _guard = runtime.enter();
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?)
    };
    std::thread::Builder::new().name("signals".into()).spawn(move || {
        runtime.block_on(async {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            let _ = stop.send(true);
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            std::process::exit(130);
        });
    })?;
    Ok(stopped)
}

//! Bad client input, row by row: what it must lead to, and that nothing of it reaches a provider unread.

mod body;
mod fields;
mod head;
mod http2;
mod paths;
mod stream;

use std::net::SocketAddr;

use sidegate_tests::Stage;
use sidegate_tests::policy::ladder;

/// One provider in memory, and the call port on a real socket.
async fn on_a_socket() -> (Stage, SocketAddr) {
    let mut stage = Stage::with(ladder(&[1]));
    let address = stage.listen().await;
    (stage, address)
}

/// The sidecar still serves, and holds nothing of what was.
async fn still_serves(stage: &mut Stage) {
    stage.settled().await;
    let answer = stage.call(sidegate_tests::client::chat("m", "")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

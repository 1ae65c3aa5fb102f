//! A call's way through the whole sidecar, in memory, with time paused.

use sidegate_tests::Stage;
use sidegate_tests::client::chat;

#[tokio::test(start_paused = true)]
async fn a_call_is_answered_with_the_providers_own_bytes() {
    let mut stage = Stage::simple();
    let answer = stage.call(chat("gpt-4o-mini", "")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json()["object"], "chat.completion");
    assert_eq!(answer.header("x-sidegate-request-id").len(), 32);
    let bill = stage.sim.bill().entries();
    assert_eq!(bill.len(), 1);
    let audit = stage.audit();
    assert_eq!(audit.len(), 1, "{audit:?}");
    println!("{}", audit[0]);
}

//! A controller that is killed, started again and replaced, under load: nobody who calls notices.

use std::time::Duration;

use sidegate_kube::objects;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::world::{World, load, policy};
use crate::{SOON, within};

/// Callers at once.
const CALLERS: usize = 4;

#[tokio::test]
async fn no_call_fails_in_a_minute_in_which_the_controller_is_killed_and_replaced() {
    let mut world = World::start().await;
    let before = world.sim.bill().entries().len();
    let ((stop, stopped), mut callers) = (watch::channel(false), JoinSet::new());
    for _ in 0..CALLERS {
        callers.spawn(load(world.calls, stopped.clone()));
    }
    let began = Instant::now();
    for round in 0.. {
        if began.elapsed() > Duration::from_secs(60) {
            break;
        }
        world.controller.end();
        sleep(Duration::from_secs(2)).await;
        world.replace_controller();
        within(SOON, "the new one is ready", async || world.page("/readyz").await.1.contains("1 sidecars")).await;
        let name = format!("round-{round}");
        objects::apply_one(&world.client, &policy(&name, &name)).await.unwrap();
        let known = format!(" {} policies", round + 1);
        within(SOON, "it works", async || world.page("/readyz").await.1.contains(&known)).await;
        sleep(Duration::from_secs(2)).await;
    }
    stop.send_replace(true);
    let (mut made, mut failed) = (0, Vec::new());
    while let Some(ended) = callers.join_next().await {
        let (calls, failures) = ended.unwrap();
        made += calls;
        failed.extend(failures);
    }
    assert!(failed.is_empty(), "{} of {made}, first {:?}", failed.len(), failed.first());
    let billed = world.sim.bill().totals().requests;
    assert_eq!(usize::try_from(billed).unwrap() - before, made, "as many at the provider as were made");
}

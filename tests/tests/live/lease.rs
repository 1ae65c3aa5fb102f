//! A control plane that asks and then says nothing more: a sidecar does not go on telling for ever.

use std::time::Duration;

use sidegate_tests::cable::Cable;
use sidegate_tests::client::chat;
use sidegate_tests::feigned::Feigned;
use sidegate_tests::objects::Folder;
use sidegate_tests::plane::{Linked, within};
use sidegate_tests::stage::{Setting, Stage};
use sidegate_wire::v1;
use sidegate_wire::v1::control_message::Message as Down;
use sidegate_wire::v1::sidecar_message::Message as Up;

use crate::SOON;

fn watch(lease_seconds: u32) -> Down {
    Down::Watch(v1::Watch { watch: 7, lease_seconds, calls_per_second: 10, ..v1::Watch::default() })
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_nobody_asks_for_again_ends_with_its_lease() {
    let (cable, mut stage, state) = (Cable::default(), Stage::bare(Setting::default()), Folder::new("state"));
    let mut control = Feigned::serve(&cable);
    let _linked = Linked::over(&stage, &cable, &state);
    let mut talk = control.talk().await;
    talk.hello().await;
    talk.tells(watch(15));
    within(SOON, "it is watched", || stage.sidecar.recent.is_watched()).await;
    stage.call(chat("gpt-4o", "")).await;
    let Up::Calls(calls) = talk.hears().await else { panic!("no call") };
    assert_eq!((calls.calls.len(), &calls.calls[0].watches), (1, &vec![7]));
    let took = within(Duration::from_secs(16), "it ends", || !stage.sidecar.recent.is_watched()).await;
    assert!(took >= Duration::from_secs(13), "{took:?}");
    stage.call(chat("gpt-4o", "")).await;
    let Up::Sums(_) = talk.hears().await else { panic!("more than sums") };
}

#[tokio::test(start_paused = true)]
async fn a_watch_of_no_length_ends_it_and_one_without_end_is_cut() {
    let (cable, stage, state) = (Cable::default(), Stage::bare(Setting::default()), Folder::new("state"));
    let mut control = Feigned::serve(&cable);
    let _linked = Linked::over(&stage, &cable, &state);
    let mut talk = control.talk().await;
    talk.hello().await;
    talk.tells(watch(u32::MAX));
    within(SOON, "it is watched", || stage.sidecar.recent.is_watched()).await;
    talk.tells(watch(0));
    within(SOON, "it is not", || !stage.sidecar.recent.is_watched()).await;
    talk.tells(watch(u32::MAX));
    within(SOON, "it is watched", || stage.sidecar.recent.is_watched()).await;
    within(Duration::from_secs(61), "a minute is the longest", || !stage.sidecar.recent.is_watched()).await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_ends_ends_its_watches() {
    let (cable, stage, state) = (Cable::default(), Stage::bare(Setting::default()), Folder::new("state"));
    let mut control = Feigned::serve(&cable);
    let _linked = Linked::over(&stage, &cable, &state);
    let mut talk = control.talk().await;
    talk.hello().await;
    talk.tells(watch(15));
    within(SOON, "it is watched", || stage.sidecar.recent.is_watched()).await;
    talk.end();
    within(SOON, "it is not", || !stage.sidecar.recent.is_watched()).await;
}

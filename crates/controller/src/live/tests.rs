//! What is kept for people is bounded, whatever sidecars say.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use sidegate_policy::Caller;
use sidegate_wire::v1;
use sidegate_wire::v1::tap_event::Event;
use tokio::time::{advance, sleep, timeout};

use super::crowd::{Crowd, Verb};
use super::taps::{Filter, Shown, Tapping};
use super::tellers::Tellers;
use super::top::{By, Top};
use super::{Scope, questions};
use crate::control::Control;
use crate::index::Index;
use crate::prices::PriceBook;

fn caller(namespace: &str, workload: &str) -> Caller {
    Caller { namespace: namespace.into(), workload: workload.into(), pod: "p".into(), ..Caller::default() }
}

/// One answered call of `model` that cost a dollar's thousandth.
fn sum(model: &str) -> v1::Sum {
    v1::Sum {
        model: model.to_owned(),
        served_model: model.to_owned(),
        outcome: "answered".to_owned(),
        calls: 1,
        cost_nanodollars: 1_000_000,
        ..v1::Sum::default()
    }
}

fn sums(models: impl IntoIterator<Item = String>) -> v1::Sums {
    v1::Sums { sums: models.into_iter().map(|model| sum(&model)).collect() }
}

fn table(top: &Top, by: By) -> v1::TopTable {
    top.table(&Scope::All, by, Duration::from_secs(300), 10)
}

/// Calls, and how many more were missed.
fn caught(tapping: &Tapping) -> (u64, u64) {
    std::iter::from_fn(|| tapping.take()).fold((0, 0), |(calls, missed), event| match event {
        Event::Call(_) => (calls + 1, missed),
        Event::Missed(more) => (calls, missed + more),
        Event::Coverage(_) => (calls, missed),
    })
}

fn control() -> Arc<Control> {
    Arc::new(Control::new(Index::new("sidegate-system", PriceBook::empty(), [0; 32]), 1))
}

#[tokio::test(start_paused = true)]
async fn one_workload_has_so_many_models_and_the_rest_is_other() {
    let top = Top::default();
    top.hear(&caller("shop", "w"), &sums((0..500).map(|n| format!("m{n}"))));
    top.hear(&caller("shop", "w"), &sums(["m1".to_owned(), "again".to_owned()]));
    let told = table(&top, By::Model);
    assert_eq!((told.total.unwrap().calls, told.rows_left_out), (502, 55));
    let most = &told.rows[0];
    assert_eq!((most.model.as_str(), most.calls), ("other", 437));
    assert_eq!((told.rows[1].model.as_str(), told.rows[1].calls), ("m1", 2));
}

#[tokio::test(start_paused = true)]
async fn workloads_without_end_are_summed_by_their_namespace_and_namespaces_without_end_are_not() {
    let top = Top::default();
    for n in 0..3_000 {
        top.hear(&caller("shop", &format!("w{n}")), &sums(["m".to_owned()]));
    }
    top.hear(&caller("bank", "late"), &sums(["m".to_owned()]));
    assert_eq!(table(&top, By::Namespace).total.unwrap().calls, 3_001);
    let shop = top.table(&Scope::Namespace("shop".into()), By::Workload, Duration::ZERO, 1);
    assert_eq!((shop.rows[0].workload.as_str(), shop.rows[0].calls), ("other", 952));
    for n in 0..4_000 {
        top.hear(&caller(&format!("n{n}"), "w"), &sums(["m".to_owned()]));
    }
    assert_eq!(table(&top, By::Namespace).total.unwrap().calls, 3_001 + 2_046);
}

#[tokio::test(start_paused = true)]
async fn an_outcome_that_nobody_knows_is_passed_over_and_an_unknown_class_is_none() {
    let top = Top::default();
    let strange = v1::Sum { outcome: "exploded".to_owned(), ..sum("m") };
    let newer = v1::Sum { outcome: "failed".to_owned(), class: "of_tomorrow".to_owned(), ..sum("m") };
    top.hear(&caller("shop", "w"), &v1::Sums { sums: vec![strange, newer] });
    let told = table(&top, By::Workload);
    assert_eq!(told.total.unwrap().calls, 1);
    assert_eq!(told.rows[0].failures, [v1::Failures { why: "failed".to_owned(), calls: 1 }]);
}

#[tokio::test(start_paused = true)]
async fn what_a_sidecar_says_of_itself_is_bounded_and_takes_nothing_from_others() {
    let top = Top::default();
    let most = v1::Sum { calls: u64::MAX, input_tokens: u64::MAX, cost_nanodollars: i64::MAX, ..sum("m") };
    let failed = |model: &str| v1::Sum { outcome: "failed".to_owned(), model: model.to_owned(), ..most.clone() };
    top.hear(&caller("shop", "w"), &v1::Sums { sums: vec![most.clone(), most.clone(), failed("a"), failed("b")] });
    let paid = v1::Sum { cost_nanodollars: i64::MIN, model: "m".repeat(97), ..sum("m") };
    top.hear(&caller("bank", "w"), &v1::Sums { sums: vec![paid, sum("m")] });
    let (told, dollar) = (table(&top, By::Namespace), 1_000_000_000);
    let rows: Vec<_> = told.rows.iter().map(|row| (&*row.namespace, row.calls, row.cost_nanodollars)).collect();
    assert_eq!(rows, [("shop", 40_000_000, 4_000_000 * dollar), ("bank", 2, dollar / 1_000)]);
    assert_eq!(told.total.unwrap().errors, 20_000_000);
    let total = table(&top, By::Model).rows.iter().map(|row| row.calls).sum::<u64>();
    assert_eq!(total, 40_000_002);
}

#[tokio::test(start_paused = true)]
async fn a_pod_without_a_workload_stands_for_itself() {
    let top = Top::default();
    top.hear(&caller("shop", ""), &sums(["m".to_owned()]));
    assert_eq!(table(&top, By::Workload).rows[0].workload, "p");
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_one_who_watches_is_bounded_in_calls_and_bytes() {
    let control = control();
    let tapping = Tapping::begin(&control, Scope::All, Filter::default()).unwrap();
    let number = control.live.taps.of("shop")[0].number();
    let tell = |bytes: usize| {
        let call = v1::WatchedCall { watches: vec![number], record: vec![b'x'; bytes].into() };
        control.live.taps.hear(
            &caller("shop", "w"),
            &mut Shown::new(),
            v1::Calls { calls: vec![call], missed: Vec::new() },
        );
    };
    (0..2_000).for_each(|_| tell(10));
    assert_eq!(caught(&tapping), (1_024, 976));
    (0..100).for_each(|_| tell(40_000));
    assert_eq!(caught(&tapping), (26, 74));
    assert!(timeout(Duration::from_secs(5), tapping.caught()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn who_leaves_messages_unread_is_ended_with_all_that_was_kept_and_one_who_has_none_is_not() {
    let tellers = Tellers::default();
    let (kept, idles) = (Arc::new(()), Arc::new(()));
    let (stuck, idle) = (kept.clone(), idles.clone());
    let mut unread = tellers.tell(stream::repeat_with(move || Ok(Arc::strong_count(&stuck))));
    let _idle = tellers.tell(stream::pending().map(move |(): ()| Ok(Arc::strong_count(&idle))));
    sleep(Duration::from_secs(29)).await;
    assert_eq!(Arc::strong_count(&kept), 2);
    sleep(Duration::from_secs(2)).await;
    assert_eq!((Arc::strong_count(&kept), Arc::strong_count(&idles)), (1, 2));
    for _ in 0..4 {
        assert!(unread.next().await.unwrap().is_ok(), "what was on its way");
    }
    assert_eq!(unread.next().await.unwrap().unwrap_err().code(), tonic::Code::ResourceExhausted);
    assert!(unread.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn who_leaves_is_told_nothing_more_and_who_reads_is_told_to_the_end() {
    let tellers = Tellers::default();
    let kept = Arc::new(());
    let left = kept.clone();
    drop(tellers.tell(stream::pending().map(move |(): ()| Ok(Arc::strong_count(&left)))));
    sleep(Duration::from_millis(1)).await;
    assert_eq!(Arc::strong_count(&kept), 1);
    let whole: Vec<_> = tellers.tell(stream::iter(0..100).map(Ok)).map(Result::unwrap).collect().await;
    assert_eq!(whole, (0..100).collect::<Vec<u64>>());
}

#[test]
fn one_person_has_four_of_a_kind_and_those_whose_names_nobody_asks_for_all_there_are() {
    let crowd = Crowd::new();
    let enter = |user: &str, verb| crowd.enter(user.into(), verb).map_err(|status| status.message().to_owned());
    let own: Vec<_> = (0..4).map(|_| enter("reader", Verb::Tap).unwrap()).collect();
    let refused = enter("reader", Verb::Tap).err().unwrap();
    assert!(refused.contains("\"reader\" run tap already"), "{refused}");
    let more = (enter("reader", Verb::Top).unwrap(), enter("other", Verb::Tap).unwrap());
    drop(own);
    drop(enter("reader", Verb::Tap).unwrap());
    let all: Vec<_> = (0..62).map(|_| enter("", Verb::Top).unwrap()).collect();
    assert!(enter("", Verb::Trace).is_err() && enter("new", Verb::Trace).is_err());
    drop((all, more));
    assert!(enter("new", Verb::Trace).is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_sidecar_tells_nothing_to_those_who_do_not_watch_its_namespace() {
    let control = control();
    let tapping = Tapping::begin(&control, Scope::Namespace("shop".into()), Filter::default()).unwrap();
    let number = control.live.taps.of("shop")[0].number();
    let call = v1::WatchedCall { watches: vec![number], record: "forged".into() };
    let missed = vec![v1::Missed { watch: number, calls: 7 }];
    control.live.taps.hear(&caller("bank", "w"), &mut Shown::new(), v1::Calls { calls: vec![call], missed });
    assert!(timeout(Duration::from_secs(5), tapping.caught()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_question_to_nobody_is_answered_at_once_and_leaves_nothing() {
    let control = control();
    let traced = questions::ask(&control, &Scope::All, "0".repeat(32)).await.unwrap();
    assert_eq!((traced.answered, traced.call), (0, None));
    assert!(control.live.questions.after(0, "shop").is_none());
}

#[tokio::test(start_paused = true)]
async fn a_sidecar_that_does_not_keep_to_its_pace_is_heard_no_more_than_others() {
    let control = control();
    let tapping = Tapping::begin(&control, Scope::All, Filter::default()).unwrap();
    let (number, mut shown) = (control.live.taps.of("shop")[0].number(), Shown::new());
    let mut tell = |calls: usize| {
        let call = v1::WatchedCall { watches: vec![number; 50], record: "x".into() };
        let missed = vec![v1::Missed { watch: number, calls: u64::MAX }];
        control.live.taps.hear(&caller("shop", "w"), &mut shown, v1::Calls { calls: vec![call; calls], missed });
    };
    tell(1);
    assert_eq!(caught(&tapping), (1, 10_000_000), "a watch is named once for each call");
    (0..5).for_each(|_| tell(1_000));
    assert_eq!(caught(&tapping), (1_024, 5_000 - 1_024 + 50_000_000));
    advance(Duration::from_secs(9)).await;
    tell(1_000);
    assert_eq!(caught(&tapping).0, 0);
    advance(Duration::from_secs(1)).await;
    tell(1_000);
    assert_eq!(caught(&tapping).0, 1_000);
}

#[tokio::test(start_paused = true)]
async fn one_answer_of_each_sidecar_counts() {
    let control = control();
    let id = "0".repeat(32);
    let mut asking = tokio::task::JoinSet::new();
    let asked = control.clone();
    let seats: Vec<_> = (0..2).map(|_| control.sit(caller("shop", "w").into(), "".into(), 10).unwrap()).collect();
    asking.spawn(async move { questions::ask(&asked, &Scope::All, id).await.unwrap() });
    tokio::task::yield_now().await;
    let question = control.live.questions.after(0, "shop").unwrap().question;
    let answer = |record: &'static str| v1::Recalled { question, record: record.into(), considered: Vec::new() };
    control.live.questions.hear(seats[0].number(), &caller("shop", "w"), answer(""));
    control.live.questions.hear(seats[0].number(), &caller("shop", "w"), answer("late"));
    tokio::task::yield_now().await;
    assert!(asking.try_join_next().is_none(), "the other one has not answered");
    control.live.questions.hear(seats[1].number(), &caller("shop", "w"), answer(""));
    let traced = asking.join_next().await.unwrap().unwrap();
    assert_eq!((traced.answered, traced.call), (2, None));
}

//! Which lines are written of changes, by whom and how often. Time is paused.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use sidegate_policy::Caller;
use sidegate_telemetry::{AuditQueue, Format};
use tokio::time::{advance, sleep};

use super::{Roll, Trail, tell};
use crate::control::{Contents, Control, Seated};
use crate::controller::Clock;
use crate::index::Index;
use crate::otlp::tests::{Kept, kept, told};
use crate::prices::PriceBook;
use crate::problem::{Kind, ObjectName};

const NOON: i64 = 1_795_262_400;

/// A control plane with an audit trail, and a clock that goes with tokio's time.
struct Scene {
    control: Arc<Control>,
    audit: Arc<AuditQueue>,
    clock: Clock,
}

fn scene() -> Scene {
    let control = Arc::new(Control::new(Index::new("sidegate-system", PriceBook::empty(), [3; 32]), 1));
    let (audit, began) = (Arc::new(AuditQueue::default()), tokio::time::Instant::now());
    control.changes.tell_to(audit.clone());
    let clock = move || Timestamp::from_second(NOON).unwrap().checked_add(began.elapsed()).unwrap();
    Scene { control, audit, clock: Arc::new(clock) }
}

fn name() -> ObjectName {
    ObjectName::new(Kind::AiPolicy, "shop", "checkout")
}

impl Scene {
    fn follow(self) -> Self {
        self.control.update(Index::follow_changes);
        self
    }

    fn begin(&self) -> Trail {
        Trail::begin(&self.control, &self.clock).unwrap()
    }

    fn apply(&self, generation: i64, allow: &str) {
        let metadata = json!({"name": "checkout", "namespace": "shop", "uid": "u", "generation": generation});
        let object = json!({"apiVersion": "sidegate.dev/v1alpha1", "kind": "AIPolicy", "metadata": metadata,
                            "spec": {"models": {"allow": [allow]}}});
        let policy = serde_json::from_value(object).unwrap();
        self.control.update(|index| index.apply_policy(&policy));
    }

    /// What was told, as `change generation`, with the objects.
    fn lines(&self) -> (Vec<String>, Vec<Value>) {
        let mut lines = Vec::new();
        self.audit.drain(&mut lines);
        let all: Vec<Value> = lines.split(|b| *b == b'\n').filter(|l| !l.is_empty()).map(parse).collect();
        let word = |line: &Value| format!("{} {}", line["change"].as_str().unwrap(), line["generation"]);
        (all.iter().map(word).collect(), all)
    }

    fn words(&self) -> Vec<String> {
        self.lines().0
    }

    /// Looks at the policy while `count` of four sidecars enforce its `generation`.
    fn look(&self, trail: &mut Trail, count: usize, generation: i64) {
        let mut standing = self.control.standing(&name()).unwrap();
        standing.selected = 4;
        let holds = Arc::new(Contents::from([(name(), generation)]));
        let one = |n| {
            let caller = Arc::new(Caller { pod: format!("p{n}").into(), ..Caller::default() });
            Seated { caller, holds: holds.clone(), ..Seated::default() }
        };
        let seated: Vec<Seated> = (0..count).map(one).collect();
        trail.tell_standing(&name(), &standing, &Roll::of(&seated));
    }
}

fn parse(line: &[u8]) -> Value {
    serde_json::from_slice(line).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_change_is_told_when_it_is_accepted_and_when_all_of_its_sidecars_enforce_it() {
    let scene = scene().follow();
    let mut trail = scene.begin();
    scene.apply(1, "a");
    trail.tell_changes();
    for count in [0, 3] {
        scene.look(&mut trail, count, 1);
    }
    assert_eq!(scene.words(), ["created 1"]);
    advance(Duration::from_secs(2)).await;
    (0..3).for_each(|_| scene.look(&mut trail, 4, 1));
    let (words, lines) = scene.lines();
    assert_eq!((words, &lines[0]["sidecars"]), (vec!["programmed 1".to_owned()], &4.into()));
    assert_eq!(lines[0]["accepted_at"], "2026-11-21T12:00:00.000000Z");
    assert_eq!(lines[0]["time"], "2026-11-21T12:00:02.000000Z");
}

#[tokio::test(start_paused = true)]
async fn sidecars_at_an_older_generation_do_not_count_and_a_refused_one_is_never_programmed() {
    let scene = scene().follow();
    let mut trail = scene.begin();
    scene.apply(1, "a");
    scene.apply(2, "a*b");
    trail.tell_changes();
    scene.look(&mut trail, 4, 1);
    assert_eq!(scene.words(), ["created 1", "refused 2", "programmed 1"]);
    scene.apply(3, "c");
    trail.tell_changes();
    scene.look(&mut trail, 4, 1);
    assert_eq!(scene.words(), ["changed 3"]);
}

#[tokio::test(start_paused = true)]
async fn the_time_of_a_line_is_that_of_its_change() {
    let scene = scene().follow();
    let mut trail = scene.begin();
    scene.apply(1, "a");
    advance(Duration::from_millis(1_500)).await;
    trail.tell_changes();
    assert_eq!(scene.lines().1[0]["time"], "2026-11-21T12:00:00.000000Z");
}

#[tokio::test(start_paused = true)]
async fn a_successor_tells_what_its_predecessor_did_not() {
    let scene = scene().follow();
    (1..=4).for_each(|generation| scene.apply(generation, &format!("m{generation}")));
    let mut trail = scene.begin();
    // As the status says that the predecessor wrote last.
    trail.know(&name(), &"u".into(), 2, true);
    trail.tell_changes();
    assert_eq!(scene.words(), ["changed 3", "changed 4"]);
    scene.look(&mut trail, 4, 4);
    assert_eq!(scene.words(), ["programmed 4"]);
}

#[tokio::test(start_paused = true)]
async fn a_successor_finds_what_was_changed_while_nobody_looked_and_nothing_else() {
    let (changed, same) = (scene(), scene());
    for (scene, expected) in [(&changed, vec!["found 5"]), (&same, vec![])] {
        scene.apply(5, "a");
        scene.control.update(Index::follow_changes);
        let mut trail = scene.begin();
        let told = if expected.is_empty() { 5 } else { 4 };
        trail.know(&name(), &"u".into(), told, false);
        trail.tell_changes();
        scene.look(&mut trail, 0, 0);
        assert_eq!(scene.words(), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_deletion_long_before_the_term_was_told_by_somebody_else() {
    let scene = scene().follow();
    scene.apply(1, "a");
    scene.control.update(|index| index.delete(&name()));
    advance(Duration::from_secs(61)).await;
    scene.apply(1, "a");
    scene.control.update(|index| index.delete(&name()));
    let mut trail = scene.begin();
    trail.tell_changes();
    let words = scene.words();
    assert_eq!(words.iter().filter(|word| *word == "deleted 1").count(), 1, "{words:?}");
}

#[tokio::test(start_paused = true)]
async fn what_nobody_tells_is_bounded_and_counted_where_it_should_have_been() {
    let scene = scene().follow();
    (1..=5_000).for_each(|generation| scene.apply(generation, &format!("m{generation}")));
    assert_eq!(scene.control.changes.dropped(), 0, "another replica tells");
    let mut trail = scene.begin();
    (5_001..=5_010).for_each(|generation| scene.apply(generation, &format!("m{generation}")));
    assert_eq!(scene.control.changes.dropped(), 10);
    trail.tell_changes();
    let words = scene.words();
    assert_eq!((words.len(), words[4_095].as_str()), (4_096, "changed 5010"));
}

#[tokio::test(start_paused = true)]
async fn without_a_trail_nothing_is_told() {
    let control = Arc::new(Control::new(Index::new("sidegate-system", PriceBook::empty(), [3; 32]), 1));
    assert!(Trail::begin(&control, &scene().clock).is_none());
}

#[tokio::test(start_paused = true)]
async fn from_files_everything_is_found_once_and_what_comes_is_told_until_the_end() {
    let scene = scene();
    scene.apply(1, "a");
    scene.control.update(Index::follow_changes);
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(tell(scene.control.clone(), scene.clock.clone()));
    sleep(Duration::from_secs(1)).await;
    assert_eq!(scene.words(), ["found 1"]);
    for generation in 2..=4 {
        scene.apply(generation, &format!("m{generation}"));
        sleep(Duration::from_millis(30)).await;
    }
    sleep(Duration::from_secs(1)).await;
    assert_eq!(scene.words(), ["changed 2", "changed 3", "changed 4"], "each of them");
    scene.apply(5, "e");
    scene.control.close();
    tasks.join_next().await;
    assert_eq!(scene.words(), ["changed 5"], "also what came last");
}

/// A scene whose changes are told as spans too.
fn traced() -> (Scene, Kept) {
    let (scene, (spans, kept)) = (scene().follow(), kept());
    scene.control.changes.trace_by(spans);
    (scene, kept)
}

/// What was told as spans: what happened, the generation, what became of it, and how long it took, in milliseconds.
fn spans(kept: &Kept) -> Vec<(String, u128)> {
    let word = |span: &opentelemetry_sdk::trace::SpanData| {
        let of = |name: &str| told(span, name);
        let words =
            [of("sidegate.change.kind"), of("sidegate.object.generation"), of("sidegate.change.outcome")].join(" ");
        (words.trim_end().to_owned(), span.end_time.duration_since(span.start_time).unwrap().as_millis())
    };
    kept.take().iter().map(word).collect()
}

fn span(words: &str, millis: u128) -> (String, u128) {
    (words.to_owned(), millis)
}

#[tokio::test(start_paused = true)]
async fn a_span_is_as_long_as_a_change_took_until_the_last_sidecar_enforced_it() {
    let (scene, kept) = traced();
    let mut trail = scene.begin();
    scene.apply(1, "a");
    advance(Duration::from_millis(300)).await;
    trail.tell_changes();
    scene.look(&mut trail, 3, 1);
    assert_eq!(spans(&kept), []);
    advance(Duration::from_millis(1_700)).await;
    (0..2).for_each(|_| scene.look(&mut trail, 4, 1));
    let told = kept.take();
    let began = std::time::SystemTime::from(Timestamp::from_second(NOON).unwrap());
    assert_eq!((told.len(), told[0].start_time), (1, began), "it begins when it was seen, not when it was told");
    assert_eq!(told[0].end_time.duration_since(began).unwrap(), Duration::from_secs(2));
}

#[tokio::test(start_paused = true)]
async fn a_change_that_was_overtaken_or_refused_is_a_span_of_its_own() {
    let (scene, kept) = traced();
    let mut trail = scene.begin();
    scene.apply(1, "a");
    advance(Duration::from_secs(1)).await;
    scene.apply(2, "b");
    scene.apply(3, "a*b");
    trail.tell_changes();
    assert_eq!(spans(&kept), [span("created 1 superseded", 1_000), span("refused 3", 0)]);
    advance(Duration::from_secs(2)).await;
    scene.look(&mut trail, 4, 2);
    assert_eq!(spans(&kept), [span("changed 2 programmed", 2_000)], "a refusal leaves the one before on its way");
    scene.apply(4, "d");
    advance(Duration::from_secs(3)).await;
    scene.control.update(|index| index.delete(&name()));
    trail.tell_changes();
    assert_eq!(spans(&kept), [span("changed 4 superseded", 3_000), span("deleted 4", 0)]);
}

#[tokio::test(start_paused = true)]
async fn what_was_there_before_is_no_change_and_no_span() {
    let (scene, kept) = (scene(), kept());
    scene.control.changes.trace_by(kept.0);
    scene.apply(1, "a");
    let scene = scene.follow();
    let mut trail = scene.begin();
    for count in [0, 4] {
        scene.look(&mut trail, count, 1);
    }
    assert_eq!(scene.words(), ["found 1", "programmed 1"]);
    assert_eq!(spans(&kept.1), []);
}

#[tokio::test(start_paused = true)]
async fn a_successor_ends_the_span_of_a_change_that_it_saw_itself() {
    let (scene, kept) = traced();
    scene.apply(1, "a");
    advance(Duration::from_secs(1)).await;
    let mut trail = scene.begin();
    trail.know(&name(), &"u".into(), 1, true);
    trail.tell_changes();
    advance(Duration::from_secs(1)).await;
    scene.look(&mut trail, 4, 1);
    assert_eq!(spans(&kept), [span("created 1 programmed", 2_000)]);
    assert_eq!(scene.words(), ["programmed 1"]);
}

#[tokio::test(start_paused = true)]
async fn spans_need_no_audit_trail() {
    let control = Arc::new(Control::new(Index::new("sidegate-system", PriceBook::empty(), [3; 32]), 1));
    let (spans, kept) = kept();
    control.changes.trace_by(spans);
    let scene = Scene { control, ..scene() }.follow();
    let mut trail = scene.begin();
    scene.apply(1, "a*b");
    trail.tell_changes();
    assert_eq!(super::tests::spans(&kept), [span("refused 1", 0)]);
}

#[test]
fn lines_of_changes_are_for_machines_whatever_the_lines_of_calls_are_for() {
    let audit = AuditQueue::new(Format::Human { colour: true }, 1 << 16);
    audit.push_change(&super::of(&name()));
    let mut line = Vec::new();
    audit.drain(&mut line);
    assert_eq!(parse(&line)["name"], "checkout");
}

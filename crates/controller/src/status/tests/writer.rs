//! What is written, when, and when not. Time is paused, and the API server in memory.

use std::time::Duration;

use jiff::civil::date;
use kube::Client;
use rand::SeedableRng;
use rand::rngs::SmallRng;
use serde_json::json;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, advance, sleep};

use super::server::{Mood, Server};
use super::*;
use crate::control::{Control, Counters, RejectedKey, Seat};
use crate::index::Index;
use crate::lease::Term;
use crate::prices::PriceBook;
use crate::secret::{Secret, SecretValue};
use crate::status::send::Post;
use crate::status::shown::{News, Shown};
use crate::status::writer::Writer;

/// A writer at work, which ends with this.
struct Scene {
    server: Server,
    control: Arc<Control>,
    news: mpsc::Sender<News>,
    term: watch::Sender<Option<Term>>,
    over: Option<oneshot::Sender<()>>,
    task: JoinSet<()>,
}

fn scene() -> Scene {
    let index = Index::new("sidegate-system", PriceBook::of(date(2026, 11, 21)).unwrap(), [7; 32]);
    let (server, control) = (Server::new(), Arc::new(Control::new(index, 1)));
    let until = Instant::now() + Duration::from_secs(1_000_000);
    let term = watch::Sender::new(Some(Term { number: 3, until }));
    let client = Client::new(server.clone(), "default");
    let post = Post { client, terms: term.subscribe(), term: 3, identity: "a".into(), share: "own".to_owned() };
    let chance = SmallRng::seed_from_u64(1);
    let writer = Writer::new(control.clone(), Arc::new(|| at(0)), chance, post);
    let ((news, mut heard), (over, ended)) = (mpsc::channel(1024), oneshot::channel::<()>());
    let mut task = JoinSet::new();
    let news_of = futures_util::stream::poll_fn(move |cx| heard.poll_recv(cx));
    task.spawn(writer.run(news_of, async {
        let _ = ended.await;
    }));
    Scene { server, control, news, term, over: Some(over), task }
}

impl Scene {
    /// Applies a policy: the index takes it, and the watch shows it with `status`.
    async fn apply_with(&self, name: &str, generation: i64, allow: &str, status: &str) {
        let metadata = json!({"name": name, "namespace": "shop", "uid": name, "generation": generation,
                              "creationTimestamp": "2026-11-20T10:00:00Z"});
        let object = json!({"apiVersion": "sidegate.dev/v1alpha1", "kind": "AIPolicy", "metadata": metadata,
                            "spec": {"models": {"allow": [allow]}}});
        let policy = serde_json::from_value(object).unwrap();
        self.control.update(|index| index.apply_policy(&policy));
        self.show(name, generation, &(1_000 * generation).to_string(), status).await;
    }

    async fn apply(&self, name: &str, generation: i64, allow: &str) {
        self.apply_with(name, generation, allow, "").await;
    }

    async fn show(&self, name: &str, generation: i64, version: &str, status: &str) {
        let shown = Shown { uid: name.into(), generation, version: version.into(), status: status.into() };
        self.news.send(News::Object(ObjectName::new(Kind::AiPolicy, "shop", name), shown)).await.unwrap();
    }
}

async fn seconds(count: u64) {
    sleep(Duration::from_secs(count)).await;
}

#[tokio::test(start_paused = true)]
async fn a_status_is_written_once_to_the_version_that_was_seen_and_then_rests() {
    let scene = scene();
    scene.apply("checkout", 1, "gpt-*").await;
    seconds(60).await;
    let writes = scene.server.writes();
    assert_eq!(writes.len(), 1, "{writes:?}");
    assert_eq!(writes[0].path, "/apis/sidegate.dev/v1alpha1/namespaces/shop/aipolicies/checkout/status");
    assert_eq!(writes[0].body["metadata"]["resourceVersion"], "1000");
    assert_eq!(writes[0].body["metadata"]["uid"], "checkout");
    assert_eq!(writes[0].body["status"]["observedGeneration"], 1);
    assert_eq!(scene.server.events(), ["Accepted"]);
    assert_eq!(Counters::read(&scene.control.counters.statuses), 1);
}

#[tokio::test(start_paused = true)]
async fn a_status_that_stands_there_already_is_not_written() {
    let first = scene();
    first.apply("checkout", 1, "gpt-*").await;
    seconds(5).await;
    let status = first.server.writes()[0].body["status"].to_string();
    let second = scene();
    second.apply_with("checkout", 1, "gpt-*", &status).await;
    seconds(60).await;
    assert_eq!(second.server.writes().len(), 0);
    assert_eq!(second.server.events(), Vec::<String>::new(), "and its events were told by whoever wrote it");
}

#[tokio::test(start_paused = true)]
async fn a_hundred_edits_a_second_are_a_write_a_second_and_the_last_one_is_told() {
    let scene = scene();
    for generation in 1..=300 {
        scene.apply("checkout", generation, &format!("m{generation}-*")).await;
        sleep(Duration::from_millis(10)).await;
    }
    seconds(3).await;
    let writes = scene.server.writes();
    assert!((3..=6).contains(&writes.len()), "{}", writes.len());
    let apart = writes.windows(2).map(|pair| pair[1].at - pair[0].at).min().unwrap();
    assert!(apart >= Duration::from_secs(1), "{apart:?}");
    assert_eq!(writes.last().unwrap().body["status"]["observedGeneration"], 300);
}

#[tokio::test(start_paused = true)]
async fn an_index_that_is_behind_the_watch_is_waited_for() {
    let scene = scene();
    scene.apply("checkout", 1, "gpt-*").await;
    seconds(5).await;
    scene.show("checkout", 2, "2000", "").await;
    seconds(5).await;
    assert_eq!(scene.server.writes().len(), 1, "nothing is said of a generation that was not looked at");
}

#[tokio::test(start_paused = true)]
async fn at_most_eight_writes_are_on_their_way() {
    let scene = scene();
    scene.server.set(Mood::Hangs);
    for n in 0..100 {
        scene.apply(&format!("p{n}"), 1, "gpt-*").await;
    }
    seconds(4).await;
    assert_eq!(scene.server.writes().len(), 8);
    scene.server.set(Mood::Takes);
    seconds(120).await;
    let told = |write: &super::server::Write| write.body["metadata"]["name"].to_string();
    let named: std::collections::BTreeSet<String> = scene.server.writes()[8..].iter().map(told).collect();
    assert_eq!(named.len(), 100, "those that were given up too");
}

#[tokio::test(start_paused = true)]
async fn thousands_of_new_objects_are_written_one_after_the_other_without_a_pause() {
    let scene = scene();
    for n in 0..2_000 {
        scene.apply(&format!("p{n}"), 1, "gpt-*").await;
    }
    seconds(2).await;
    assert_eq!(scene.server.writes().len(), 2_000);
}

#[tokio::test(start_paused = true)]
async fn a_write_that_lost_a_race_is_worked_out_anew() {
    let scene = scene();
    scene.server.once(Mood::Refuses(409));
    scene.apply("checkout", 1, "gpt-*").await;
    sleep(Duration::from_millis(500)).await;
    scene.show("checkout", 1, "1001", "").await;
    seconds(10).await;
    let writes = scene.server.writes();
    assert_eq!(writes.len(), 2);
    assert_eq!(writes[1].body["metadata"]["resourceVersion"], "1001");
    assert_eq!(scene.server.events(), ["Accepted"], "and its event is told once");
}

#[tokio::test(start_paused = true)]
async fn an_object_that_is_gone_is_not_written_again() {
    let scene = scene();
    scene.server.set(Mood::Refuses(404));
    scene.apply("checkout", 1, "gpt-*").await;
    seconds(60).await;
    assert_eq!(scene.server.writes().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_takes_no_writes_is_asked_less_and_less() {
    let scene = scene();
    scene.server.set(Mood::Refuses(503));
    for n in 0..50 {
        scene.apply(&format!("p{n}"), 1, "gpt-*").await;
    }
    seconds(600).await;
    let asked = scene.server.writes().len();
    assert!((10..=200).contains(&asked), "{asked} in ten minutes for fifty objects");
    assert_eq!(Counters::read(&scene.control.counters.statuses_failed), asked as u64);
    scene.server.set(Mood::Takes);
    seconds(120).await;
    assert_eq!(scene.server.events().len(), 50);
}

#[tokio::test(start_paused = true)]
async fn a_status_that_is_refused_holds_up_no_other() {
    let scene = scene();
    scene.server.once(Mood::Refuses(422));
    scene.apply("bad", 1, "gpt-*").await;
    sleep(Duration::from_millis(100)).await;
    scene.apply("good", 1, "gpt-*").await;
    sleep(Duration::from_millis(300)).await;
    assert_eq!(scene.server.writes()[1].body["metadata"]["name"], "good");
    seconds(10).await;
    assert_eq!(scene.server.writes()[2].body["metadata"]["name"], "bad", "and is tried again");
}

#[tokio::test(start_paused = true)]
async fn cp13_a_writer_that_was_paused_past_its_term_sends_nothing() {
    let mut scene = scene();
    let until = Instant::now() + Duration::from_secs(20);
    scene.term.send_replace(Some(Term { number: 3, until }));
    seconds(10).await;
    // There is something to write, and before it is looked at the process stands still for a minute.
    scene.apply("checkout", 1, "gpt-*").await;
    advance(Duration::from_secs(60)).await;
    seconds(5).await;
    assert_eq!(scene.server.writes().len(), 0);
    assert!(scene.task.try_join_next().is_some(), "it has ended by itself");
}

#[tokio::test(start_paused = true)]
async fn cp12_a_writer_whose_term_another_has_taken_sends_nothing_even_if_it_was_never_told() {
    let scene = scene();
    scene.apply("checkout", 1, "gpt-*").await;
    seconds(5).await;
    let until = Instant::now() + Duration::from_secs(1_000);
    // The same replica in a later term: what belongs to this one is over all the same.
    scene.term.send_replace(Some(Term { number: 5, until }));
    scene.apply("checkout", 2, "gpt-4*").await;
    seconds(5).await;
    assert_eq!(scene.server.writes().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_on_its_way_at_the_end_is_waited_for() {
    let mut scene = scene();
    scene.server.set(Mood::Hangs);
    scene.apply("checkout", 1, "gpt-*").await;
    seconds(1).await;
    scene.over.take().unwrap().send(()).unwrap();
    seconds(2).await;
    assert!(scene.task.try_join_next().is_none());
    seconds(3).await;
    assert!(scene.task.try_join_next().is_some(), "for five seconds at most");
}

#[tokio::test(start_paused = true)]
async fn sidecars_that_are_on_their_way_back_after_a_change_of_writers_are_not_told_as_lost() {
    let scene = scene();
    let status = json!({"observedGeneration": 1, "sidecars": {"selected": 4, "programmed": 4, "rejected": 0}});
    scene.apply_with("checkout", 1, "gpt-*", &status.to_string()).await;
    seconds(9).await;
    assert_eq!(scene.server.writes().len(), 0);
    seconds(2).await;
    assert_eq!(scene.server.writes()[0].body["status"]["sidecars"]["programmed"], 0);
}

#[tokio::test(start_paused = true)]
async fn an_object_that_a_new_list_lacks_is_forgotten() {
    let scene = scene();
    scene.server.set(Mood::Refuses(503));
    scene.apply("checkout", 1, "gpt-*").await;
    seconds(2).await;
    scene.news.send(News::Begins(Kind::AiPolicy)).await.unwrap();
    scene.news.send(News::Ends(Kind::AiPolicy)).await.unwrap();
    let asked = scene.server.writes().len();
    seconds(300).await;
    assert_eq!(scene.server.writes().len(), asked);
}

impl Scene {
    /// Applies the provider `openai` with a key of that value; the watch shows it with `status`. The key's mark.
    async fn provide(&self, value: &str, status: &str) -> Arc<str> {
        let metadata = json!({"name": "openai", "namespace": "sidegate-system", "uid": "openai", "generation": 1,
                              "creationTimestamp": "2026-11-20T10:00:00Z"});
        let spec = json!({"dialect": "OpenAI", "access": {"namespaces": {"from": "All"}},
                          "credentials": [{"name": "a", "secretRef": {"name": "s", "key": "k"}}]});
        let object =
            json!({"apiVersion": "sidegate.dev/v1alpha1", "kind": "AIProvider", "metadata": metadata, "spec": spec});
        let provider = serde_json::from_value(object).unwrap();
        let value = SecretValue::read(value.as_bytes()).map(Arc::new);
        let keys = [("k".to_owned(), value)].into();
        let secret = Secret { namespace: "sidegate-system".into(), name: "s".into(), hosts: None, keys };
        self.control.update(|index| {
            index.apply_secret(secret);
            index.apply_provider(provider);
        });
        let shown = Shown { uid: "openai".into(), generation: 1, version: "1000".into(), status: status.into() };
        self.news.send(News::Object(provider_name(), shown)).await.unwrap();
        self.control.standing(&provider_name()).unwrap().credentials[0].mark.clone()
    }

    /// A connected sidecar.
    fn seat(&self) -> Seat {
        let caller = Caller { namespace: "shop".into(), ..Caller::default() };
        self.control.sit(Arc::new(caller), "".into(), 9).unwrap()
    }

    /// The states of the key that were written.
    fn states(&self) -> Vec<String> {
        let state = |write: super::server::Write| {
            let key = write.body["status"]["credentials"][0]["state"].as_str().unwrap_or_default().to_owned();
            (write.body["metadata"]["name"] == "openai").then_some(key)
        };
        self.server.writes().into_iter().filter_map(state).collect()
    }
}

fn turns_down(seat: &Seat, mark: Option<&Arc<str>>) {
    let key = |mark: &Arc<str>| RejectedKey { provider: provider_name(), credential: "a".into(), mark: mark.clone() };
    seat.rejects(mark.map(key).into_iter().collect());
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_turned_down_is_written_once_and_its_rotation_once() {
    let scene = scene();
    let mark = scene.provide("canary-1", "").await;
    let seat = scene.seat();
    seconds(60).await;
    turns_down(&seat, Some(&mark));
    seconds(60).await;
    let rejected = scene.server.writes().last().unwrap().body.to_string();
    assert!(rejected.contains("the provider turns down the key of a") && !rejected.contains("canary"), "{rejected}");
    scene.provide("canary-2", &scene.server.writes().last().unwrap().body["status"].to_string()).await;
    seconds(60).await;
    let states = scene.states();
    assert_eq!(states[states.len() - 2..], ["Rejected", "Ready"], "{states:?}");
    assert_eq!(states.iter().filter(|state| **state == "Rejected").count(), 1, "{states:?}");
    let told = scene.server.events();
    assert_eq!(
        told.iter().filter(|t| t.starts_with("Cred")).collect::<Vec<_>>(),
        ["CredentialRejected", "CredentialAccepted"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_turned_down_now_and_then_is_written_seldom() {
    let scene = scene();
    let mark = scene.provide("canary-1", "").await;
    let seat = scene.seat();
    seconds(60).await;
    let (before, told) = (scene.states().len(), scene.server.events().len());
    for _ in 0..300 {
        turns_down(&seat, Some(&mark));
        seconds(1).await;
        turns_down(&seat, None);
        seconds(1).await;
    }
    assert_eq!(scene.states()[before..], ["Rejected"], "within seconds of each other they are one");
    for _ in 0..20 {
        seconds(28).await;
        turns_down(&seat, Some(&mark));
        seconds(2).await;
        turns_down(&seat, None);
    }
    let written = scene.states().len() - before;
    assert!((30..=42).contains(&written), "{written} in ten minutes, as many as changes");
    let events = scene.server.events().len() - told;
    assert!(events <= 12 + 2 * 20, "{events} in twenty minutes");
}

#[tokio::test(start_paused = true)]
async fn a_rejected_key_stays_so_while_its_sidecar_is_on_its_way_back_after_a_change_of_writers() {
    let first = scene();
    let mark = first.provide("canary-1", "").await;
    let seat = first.seat();
    turns_down(&seat, Some(&mark));
    seconds(20).await;
    let status = first.server.writes().last().unwrap().body["status"].to_string();
    assert!(status.contains("Rejected"), "{status}");
    let second = scene();
    second.provide("canary-1", &status).await;
    seconds(9).await;
    assert_eq!(second.states(), Vec::<String>::new());
    seconds(2).await;
    assert_eq!(second.states(), ["Ready"], "nobody says so any more");
}

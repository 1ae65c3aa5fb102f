//! A Kubernetes API in memory: as much of one as a controller that watches can tell, with faults on demand.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Limited, StreamBody};
use hyper::body::Frame;
use kube::client::Body;
use serde_json::{Value, json};
use tokio::sync::broadcast;
use tokio::time::{Instant, sleep, sleep_until};

/// Between two bookmarks.
const BOOKMARK: Duration = Duration::from_secs(60);

type Answer = Response<StreamBody<BoxStream<'static, Result<Frame<Bytes>, std::io::Error>>>>;

/// What goes wrong at the moment.
#[derive(Clone, Default)]
pub struct Faults {
    /// Nobody answers.
    pub down: bool,
    /// Watches that are open, or opened now, never say anything again, not even bookmarks, and never end.
    pub mute: bool,
    /// Every answer is this status.
    pub status: Option<(u16, Value)>,
    /// Kinds (plural) that may not be read.
    pub denied: BTreeSet<String>,
    /// No lists as streams.
    pub pages_only: bool,
    /// Objects of a page.
    pub page: Option<usize>,
    /// The next so many continued pages are gone.
    pub expire_pages: usize,
    /// The next so many watches are told that their place is gone, as an event.
    pub expire_watches: usize,
    /// The next so many watches are told so as a status.
    pub expire_openings: usize,
    /// Lists answer with what was there at this version.
    pub behind: Option<u64>,
    /// A list takes so long.
    pub slow: Duration,
    /// A review takes so long.
    pub slow_reviews: Duration,
}

#[derive(Default)]
struct State {
    version: u64,
    objects: BTreeMap<(String, String, String), Value>,
    /// Every event so far: version, plural, and the line.
    events: Vec<(u64, String, Value)>,
    faults: Faults,
    requests: Vec<(Instant, String)>,
    lists: usize,
    most_lists: usize,
    /// Tokens that are known, and what a review says of each.
    tokens: BTreeMap<String, Value>,
    /// Users who may do what is asked about.
    allowed: BTreeSet<String>,
}

/// The API.
#[derive(Clone)]
pub struct Api {
    state: Arc<Mutex<State>>,
    changed: broadcast::Sender<()>,
}

/// What a path and query ask for.
struct Asked {
    plural: String,
    namespace: Option<String>,
    name: Option<String>,
    query: BTreeMap<String, String>,
}

impl Api {
    pub fn new() -> Self {
        let state = State { version: 100, ..State::default() };
        Self { state: Arc::new(Mutex::new(state)), changed: broadcast::Sender::new(1) }
    }

    pub fn client(&self) -> kube::Client {
        let api = self.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let api = api.clone();
            async move { api.answer(request).await }
        });
        kube::Client::new(service, "default")
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes what goes wrong.
    pub fn faults(&self, change: impl FnOnce(&mut Faults)) {
        change(&mut self.state().faults);
        let _ = self.changed.send(());
    }

    /// Makes or changes an object; its kind by its plural.
    pub fn put(&self, plural: &str, object: Value) {
        {
            let mut state = self.state();
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let (namespace, name) = (text(&object["metadata"]["namespace"]), text(&object["metadata"]["name"]));
            let key = (plural.to_owned(), namespace, name);
            state.version += 1;
            let version = state.version;
            let known = state.objects.get(&key);
            let (kind, generation) = match known {
                Some(old) => ("MODIFIED", old["metadata"]["generation"].as_i64().unwrap_or(0) + 1),
                None => ("ADDED", 1),
            };
            let mut object = object;
            object["metadata"]["resourceVersion"] = json!(version.to_string());
            object["metadata"]["generation"] = json!(generation);
            if object["metadata"]["uid"].is_null() {
                object["metadata"]["uid"] = json!(format!("uid-{}", key.2));
            }
            state.events.push((version, plural.to_owned(), json!({"type": kind, "object": object})));
            state.objects.insert(key, object);
        }
        let _ = self.changed.send(());
    }

    pub fn delete(&self, plural: &str, namespace: &str, name: &str) {
        {
            let mut state = self.state();
            let key = (plural.to_owned(), namespace.to_owned(), name.to_owned());
            let mut object = state.objects.remove(&key).unwrap();
            state.version += 1;
            let version = state.version;
            object["metadata"]["resourceVersion"] = json!(version.to_string());
            state.events.push((version, plural.to_owned(), json!({"type": "DELETED", "object": object})));
        }
        let _ = self.changed.send(());
    }

    /// What a review says of a token from now on.
    pub fn token(&self, token: &str, review: Value) {
        self.state().tokens.insert(token.to_owned(), review);
    }

    /// Whether a user may do whatever is asked about, from now on.
    pub fn allow(&self, user: &str, may: bool) {
        let allowed = &mut self.state().allowed;
        if may {
            allowed.insert(user.to_owned())
        } else {
            allowed.remove(user)
        };
    }

    pub fn version(&self) -> u64 {
        self.state().version
    }

    /// Requests whose line holds `part`.
    pub fn requests(&self, part: &str) -> usize {
        self.state().requests.iter().filter(|(_, line)| line.contains(part)).count()
    }

    pub fn most_lists_at_once(&self) -> usize {
        self.state().most_lists
    }

    async fn answer(&self, request: Request<Body>) -> Result<Answer, std::io::Error> {
        let line = format!("{} {}", request.method(), request.uri());
        let faults = {
            let mut state = self.state();
            state.requests.push((Instant::now(), line));
            state.faults.clone()
        };
        if faults.down {
            return Err(std::io::Error::new(std::io::ErrorKind::ConnectionRefused, "connection refused"));
        }
        if let Some((code, body)) = &faults.status {
            return Ok(answer(*code, body));
        }
        let asked = Asked::read(&request);
        if faults.denied.contains(&asked.plural) {
            return Ok(failure(403, "Forbidden", &format!("{} is forbidden", asked.plural)));
        }
        if request.method() == Method::POST {
            let body = Limited::new(request.into_body(), 1 << 20);
            #[expect(clippy::disallowed_methods, reason = "it is capped")]
            let body = body.collect().await.map_err(std::io::Error::other)?.to_bytes();
            if asked.plural.ends_with("reviews") {
                sleep(faults.slow_reviews).await;
            }
            return Ok(self.make(&asked, &serde_json::from_slice(&body)?));
        }
        let is_true = |key: &str| asked.query.get(key).is_some_and(|value| value == "true");
        if is_true("watch") {
            return Ok(self.watch(asked, &faults).await);
        }
        if asked.name.is_some() {
            return Ok(self.one(&asked));
        }
        Ok(self.list(&asked, &faults).await)
    }

    fn make(&self, asked: &Asked, object: &Value) -> Answer {
        if asked.plural == "tokenreviews" {
            let token = object["spec"]["token"].as_str().unwrap_or_default().to_owned();
            let status = self.state().tokens.get(&token).cloned().unwrap_or(json!({"authenticated": false}));
            return answer(
                201,
                &json!({"kind": "TokenReview", "metadata": {}, "spec": object["spec"], "status": status}),
            );
        }
        if asked.plural == "subjectaccessreviews" {
            let user = object["spec"]["user"].as_str().unwrap_or_default();
            let status = json!({"allowed": self.state().allowed.contains(user)});
            return answer(
                201,
                &json!({"kind": "SubjectAccessReview", "metadata": {}, "spec": object["spec"], "status": status}),
            );
        }
        let mut object = object.clone();
        object["metadata"]["namespace"] = json!(asked.namespace);
        self.put(&asked.plural, object.clone());
        answer(201, &object)
    }

    fn one(&self, asked: &Asked) -> Answer {
        let key = (asked.plural.clone(), asked.namespace.clone().unwrap_or_default(), asked.name.clone().unwrap());
        match self.state().objects.get(&key) {
            Some(object) => answer(200, object),
            None => failure(404, "NotFound", "not found"),
        }
    }

    async fn list(&self, asked: &Asked, faults: &Faults) -> Answer {
        let _listing = self.listing(faults.slow).await;
        let mut state = self.state();
        let from: usize = match asked.query.get("continue") {
            Some(_) if state.faults.expire_pages > 0 => {
                state.faults.expire_pages -= 1;
                return failure(410, "Expired", "The provided continue parameter is too old");
            }
            Some(token) => token.parse().unwrap(),
            None => 0,
        };
        let (version, all) = state.seen(asked, faults.behind);
        let page = faults.page.unwrap_or(usize::MAX);
        let items: Vec<&Value> = all.iter().skip(from).take(page).collect();
        let next = from + items.len();
        let more = if next < all.len() { next.to_string() } else { String::new() };
        answer(
            200,
            &json!({"kind": "List", "apiVersion": "v1", "items": items,
            "metadata": {"resourceVersion": version.to_string(), "continue": more}}),
        )
    }

    async fn watch(&self, asked: Asked, faults: &Faults) -> Answer {
        let initial = asked.query.contains_key("sendInitialEvents");
        if initial && faults.pages_only {
            return failure(422, "Invalid", "sendInitialEvents is forbidden for watch");
        }
        let mut lines: Vec<Value> = Vec::new();
        let mut place = asked.query.get("resourceVersion").and_then(|v| v.parse().ok()).unwrap_or(0);
        if initial {
            let _listing = self.listing(faults.slow).await;
            let (version, all) = self.state().seen(&asked, faults.behind);
            lines.extend(all.iter().map(|object| json!({"type": "ADDED", "object": object})));
            let end = json!({"k8s.io/initial-events-end": "true"});
            let metadata = json!({"resourceVersion": version.to_string(), "annotations": end});
            lines.push(json!({"type": "BOOKMARK", "object": {"kind": "x", "apiVersion": "v1", "metadata": metadata}}));
            place = version;
        } else {
            let mut state = self.state();
            if state.faults.expire_openings > 0 {
                state.faults.expire_openings -= 1;
                return failure(410, "Expired", "too old resource version");
            }
            if state.faults.expire_watches > 0 {
                state.faults.expire_watches -= 1;
                let status = json!({"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"});
                lines.push(json!({"type": "ERROR", "object": status}));
            }
        }
        let seconds = asked.query.get("timeoutSeconds").and_then(|t| t.parse().ok()).unwrap_or(300);
        let ends = Instant::now() + Duration::from_secs(seconds);
        let tail = Tail { api: self.clone(), changed: self.changed.subscribe(), asked, place, ends };
        let all = stream::iter(lines).chain(stream::unfold(tail, Tail::next));
        let frames = all.map(|line| Ok(Frame::data(Bytes::from(format!("{line}\n")))));
        Response::new(StreamBody::new(frames.boxed()))
    }

    async fn listing(&self, slow: Duration) -> Listing {
        {
            let mut state = self.state();
            state.lists += 1;
            state.most_lists = state.most_lists.max(state.lists);
        }
        let listing = Listing(self.clone());
        sleep(slow).await;
        listing
    }
}

/// Counts as a list for as long as it lives.
struct Listing(Api);

impl Drop for Listing {
    fn drop(&mut self) {
        self.0.state().lists -= 1;
    }
}

impl State {
    /// What is asked for, as it is or as it was, and the version of it.
    fn seen(&self, asked: &Asked, behind: Option<u64>) -> (u64, Vec<Value>) {
        let Some(behind) = behind else {
            let all = self.objects.iter().filter(|(key, object)| key.0 == asked.plural && asked.selects(object));
            return (self.version, all.map(|(_, object)| object.clone()).collect());
        };
        let mut then: BTreeMap<String, Value> = BTreeMap::new();
        for (version, plural, line) in &self.events {
            let object = &line["object"];
            if *version <= behind && *plural == asked.plural && asked.selects(object) {
                let name = format!("{}/{}", object["metadata"]["namespace"], object["metadata"]["name"]);
                match line["type"].as_str() {
                    Some("DELETED") => then.remove(&name),
                    _ => then.insert(name, object.clone()),
                };
            }
        }
        (behind, then.into_values().collect())
    }
}

/// What a watch says after its first events.
struct Tail {
    api: Api,
    changed: broadcast::Receiver<()>,
    asked: Asked,
    place: u64,
    ends: Instant,
}

impl Tail {
    async fn next(mut self) -> Option<(Value, Self)> {
        let bookmark = Instant::now() + BOOKMARK;
        loop {
            let (faults, next, newest) = {
                let state = self.api.state();
                let mut later = state.events.iter().filter(|(version, plural, line)| {
                    *version > self.place && *plural == self.asked.plural && self.asked.selects(&line["object"])
                });
                (state.faults.clone(), later.next().cloned(), state.version)
            };
            if faults.down {
                return None;
            }
            if faults.mute {
                std::future::pending::<()>().await;
            }
            if let Some((version, _, line)) = next {
                self.place = version;
                return Some((line, self));
            }
            tokio::select! {
                _ = self.changed.recv() => {}
                () = sleep_until(self.ends) => return None,
                () = sleep_until(bookmark) => {
                    let metadata = json!({"resourceVersion": newest.to_string()});
                    let object = json!({"kind": "x", "apiVersion": "v1", "metadata": metadata});
                    return Some((json!({"type": "BOOKMARK", "object": object}), self));
                }
            }
        }
    }
}

impl Asked {
    fn read(request: &Request<Body>) -> Self {
        let mut parts = request.uri().path().trim_matches('/').split('/');
        // /api/v1/… or /apis/GROUP/VERSION/…
        let skip = if parts.next() == Some("api") { 1 } else { 2 };
        let mut parts = parts.skip(skip).map(str::to_owned).peekable();
        let mut namespace = None;
        let mut plural = parts.next().unwrap_or_default();
        if plural == "namespaces" && parts.peek().is_some() {
            namespace = parts.next();
            plural = parts.next().unwrap_or_default();
        }
        let query = request.uri().query().unwrap_or_default();
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let query = pairs.map(|(key, value)| (key.to_owned(), value.replace("%3D", "=").replace("%2F", "/"))).collect();
        Self { plural, namespace, name: parts.next(), query }
    }

    fn selects(&self, object: &Value) -> bool {
        let metadata = &object["metadata"];
        let namespace = self.namespace.as_deref().is_none_or(|namespace| metadata["namespace"] == namespace);
        let field = self.query.get("fieldSelector").and_then(|field| field.strip_prefix("metadata.name="));
        let label = self.query.get("labelSelector").and_then(|label| label.split_once('='));
        namespace
            && field.is_none_or(|name| metadata["name"] == name)
            && label.is_none_or(|(key, value)| metadata["labels"][key] == value)
    }
}

fn answer(code: u16, body: &Value) -> Answer {
    let bytes = Bytes::from(body.to_string());
    let mut response = Response::new(StreamBody::new(stream::iter([Ok(Frame::data(bytes))]).boxed()));
    *response.status_mut() = code.try_into().unwrap();
    response
}

fn failure(code: u16, reason: &str, message: &str) -> Answer {
    answer(code, &json!({"kind": "Status", "status": "Failure", "code": code, "reason": reason, "message": message}))
}

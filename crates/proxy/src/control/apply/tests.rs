use std::sync::Arc;

use bytes::Bytes;
use sidegate_policy::{Dialect, Snapshot};
use sidegate_wire::encode_snapshot;
use sidegate_wire::v1::{Credential, Credentials, Policy};

use super::{Applier, digest};
use crate::control::store::Store;
use crate::dispatch::attempt::{Failure, Kind};
use crate::sidecar::Sidecar;

fn snapshot(provider: &str) -> Snapshot {
    use sidegate_policy::{Endpoint, Meta, Network, ObjectKind, Provider, Timeouts};
    let meta = Meta {
        kind: ObjectKind::AiProvider,
        namespace: "ns".into(),
        name: provider.into(),
        generation: 1,
        field: "".into(),
    };
    let provider = Provider {
        key: format!("ns/{provider}").into(),
        namespace: "ns".into(),
        name: provider.into(),
        dialect: Dialect::OpenAi,
        endpoint: Endpoint { tls: false, host: "p.test".into(), port: 80, path: "".into() },
        region: None,
        residency: None,
        credentials: vec![sidegate_policy::Credential { name: "a".into(), weight: 1 }],
        models: Vec::new(),
        prices: Arc::default(),
        authorities: None,
        network: Network::default(),
        timeouts: Timeouts::default(),
        meta,
    };
    Snapshot { providers: vec![provider], ..Snapshot::default() }
}

fn message(snapshot: &Snapshot, epoch: u64) -> Policy {
    let bytes = encode_snapshot(snapshot);
    Policy { version: digest(&bytes), epoch, snapshot: bytes, intentional_empty: false }
}

fn key(value: &'static [u8]) -> Credentials {
    let credential = Credential {
        provider_namespace: "ns".into(),
        provider_name: "p".into(),
        name: "a".into(),
        value: Bytes::from_static(value),
        mark: String::new(),
    };
    Credentials { version: "1".into(), credentials: vec![credential] }
}

struct Place(std::path::PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("sidegate-apply-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        Self(path)
    }
    fn applier(&self) -> Applier {
        Applier::new(Store::open(&self.0).unwrap())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[tokio::test]
async fn a_policy_is_in_force_and_is_there_again_after_a_restart_without_its_keys() {
    let (place, first) = (Place::new("restart"), Sidecar::for_tests());
    let mut applier = place.applier();
    applier.credentials(&first, key(b"sk-canary")).unwrap();
    applier.policy(&first, &message(&snapshot("p"), 3)).unwrap();
    assert_eq!(first.armed.load().as_ref().unwrap().present, [[true]]);

    let second = Sidecar::for_tests();
    let mut restarted = place.applier();
    assert!(restarted.restore(&second));
    assert_eq!(second.armed.load().as_ref().unwrap().present, [[false]]);
    assert_eq!((restarted.has().policy, restarted.has().epoch), (applier.has().policy, 3));
    let stored = std::fs::read(place.0.join("policy.pb")).unwrap();
    assert!(!stored.windows(9).any(|w| w == b"sk-canary"));
}

#[tokio::test]
async fn cp8_what_is_damaged_is_refused_and_the_last_good_stays() {
    let (place, sidecar) = (Place::new("damaged"), Sidecar::for_tests());
    let mut applier = place.applier();
    applier.policy(&sidecar, &message(&snapshot("p"), 1)).unwrap();
    let mut damaged = message(&snapshot("q"), 1);
    damaged.snapshot = damaged.snapshot.slice(..damaged.snapshot.len() - 1);
    assert!(applier.policy(&sidecar, &damaged).unwrap_err().contains("digest"));
    let garbage = Bytes::from_static(b"\xff\xff\xff\xff");
    let garbage = Policy { version: digest(&garbage), epoch: 1, snapshot: garbage, intentional_empty: false };
    assert!(applier.policy(&sidecar, &garbage).is_err());
    let armed = sidecar.armed.load();
    assert_eq!(&*armed.as_ref().unwrap().snapshot.providers[0].key, "ns/p");
}

#[tokio::test]
async fn cp10_an_older_epoch_is_refused() {
    let (place, sidecar) = (Place::new("epoch"), Sidecar::for_tests());
    let mut applier = place.applier();
    applier.policy(&sidecar, &message(&snapshot("p"), 5)).unwrap();
    assert!(applier.policy(&sidecar, &message(&snapshot("q"), 4)).unwrap_err().contains("epoch"));
    applier.policy(&sidecar, &message(&snapshot("q"), 5)).unwrap();
}

#[tokio::test]
async fn cp11_an_empty_policy_is_refused_unless_it_is_meant() {
    let (place, sidecar) = (Place::new("empty"), Sidecar::for_tests());
    let mut applier = place.applier();
    applier.policy(&sidecar, &message(&snapshot("p"), 1)).unwrap();
    let mut empty = message(&Snapshot::default(), 1);
    assert!(applier.policy(&sidecar, &empty).unwrap_err().contains("empty"));
    empty.intentional_empty = true;
    applier.policy(&sidecar, &empty).unwrap();
}

#[tokio::test]
async fn a_key_that_cannot_stand_in_a_header_is_refused_without_being_told() {
    let (place, sidecar) = (Place::new("key"), Sidecar::for_tests());
    let mut applier = place.applier();
    let reason = applier.credentials(&sidecar, key(b"canary\nkey")).unwrap_err();
    assert!(reason.contains("`a` of ns/p") && !reason.contains("canary"), "{reason}");
}

fn told(sidecar: &Sidecar) -> Vec<String> {
    sidecar.turned_down.told().into_iter().map(|key| key.mark).collect()
}

#[tokio::test]
async fn a_key_that_was_turned_down_is_told_until_another_one_is_in_its_place() {
    let (place, sidecar) = (Place::new("down"), Sidecar::for_tests());
    let marked = |value, mark: &str| {
        let mut keys = key(value);
        keys.credentials[0].mark = mark.to_owned();
        keys
    };
    let mut applier = place.applier();
    applier.credentials(&sidecar, marked(b"canary-1", "1")).unwrap();
    applier.policy(&sidecar, &message(&snapshot("p"), 1)).unwrap();
    let circuit = sidecar.breakers.circuit(&"ns/p".into(), &"a".into(), &"m".into());
    let down = || {
        assert!(sidecar.turned_down.note((&"ns/p".into(), &"a".into()), sidecar.clock.now(), || true));
        let fault = sidegate_policy::Fault::provider(sidegate_policy::Class::ProviderAuth, None, "");
        let failure = Failure { kind: Kind::Auth, fault, response: None, status: Some(401) };
        sidecar.breakers.failed(&circuit, &failure, sidecar.clock.now(), 0.0);
    };
    down();
    applier.credentials(&sidecar, marked(b"canary-1", "2")).unwrap();
    assert_eq!(told(&sidecar), ["2"], "the same key, marked by another replica");
    assert_eq!(sidecar.breakers.suspensions().0.len(), 1);
    applier.credentials(&sidecar, marked(b"canary-2", "3")).unwrap();
    assert_eq!(told(&sidecar), Vec::<String>::new());
    assert!(sidecar.breakers.suspensions().0.is_empty());

    down();
    applier.credentials(&sidecar, Credentials::default()).unwrap();
    assert_eq!(told(&sidecar), Vec::<String>::new(), "it was taken away");
    applier.credentials(&sidecar, marked(b"canary-3", "4")).unwrap();
    assert!(sidecar.breakers.suspensions().0.is_empty(), "and the one that comes after it is another one");
}

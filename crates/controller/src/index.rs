//! The index: every object that counts, and the effective policy of any caller.
//!
//! Pure and synchronous: `apply`, `delete` and `reset` in any order that ends with the same objects give the same
//! effective policies. An object that is not accepted is refused alone, and its last good version stays; a delete
//! always counts. Where objects come from, and who is told, is not known here.

mod anchor;
mod build;
mod class;
mod conflicts;
mod effective;
mod journal;
mod keys;
mod pods;
mod problems;
mod standing;
mod subjects;
mod telemetry;
mod touch;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use aws_lc_rs::hmac;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use sidegate_crds::{AIPolicy, AIProvider, AIProviderSpec, AcceptedPolicy, AcceptedProvider, Context, Invalid};
use sidegate_crds::{accept_policy, accept_provider, check_update};
use sidegate_policy::{Caller, PriceRule};
use sidegate_telemetry::Author;

use crate::prices::PriceBook;
use crate::problem::{Kind, ObjectName};
use crate::secret::Secret;
use anchor::{Anchor, Facts};
use class::{Class, Classes};
use effective::EncodedCache;
use journal::Journal;
use pods::Pods;
use standing::Refused;
use subjects::Subjects;
use touch::{Changes, References};

pub use effective::{Effective, Encoded};
pub use journal::{Change, authors};
pub use keys::{Key, Keys};
pub use pods::{Owned, OwnerKind, OwnerRef, PodFacts};
pub use standing::{ClassId, Conflict, CredentialStanding, KeyState, Overruled, Standing};
pub use subjects::SeatNumber;

/// Namespace and name.
pub type Name = (Arc<str>, Arc<str>);
/// The data of a ConfigMap.
pub type ConfigData = BTreeMap<String, String>;
/// Labels of a namespace.
pub type Labels = BTreeMap<String, String>;

/// A provider in force, with what is worked out once for it.
struct ProviderEntry {
    spec: AIProviderSpec,
    accepted: AcceptedProvider,
    prices: Arc<[PriceRule]>,
}

/// Every object that counts.
pub struct Index {
    control_namespace: Arc<str>,
    prices: PriceBook,
    /// Versions of keys are made with it, so that they tell nothing about the keys.
    salt: hmac::Key,
    providers: BTreeMap<Name, ProviderEntry>,
    policies: BTreeMap<Name, AcceptedPolicy>,
    secrets: BTreeMap<Name, Secret>,
    config_maps: BTreeMap<Name, ConfigData>,
    namespaces: BTreeMap<Arc<str>, Labels>,
    pods: Pods,
    refused: BTreeMap<ObjectName, Refused>,
    revision: u64,
    /// Policies by what those that they select have in common with them.
    anchored: HashMap<Anchor, BTreeSet<Name>>,
    references: References,
    /// The providers that pods of a namespace may use, as far as they were asked for.
    usable: HashMap<Arc<str>, Arc<[Name]>>,
    subjects: Subjects,
    classes: Classes,
    changes: Changes,
    /// Effective policies that were asked for on behalf of nobody that is known, until the next change.
    asked: HashMap<Class, Arc<Effective>>,
    encoded: EncodedCache,
    journal: Journal,
}

/// Effective policies that are kept for callers that are not known.
const MOST_ASKED: usize = 256;

impl Index {
    /// An empty index. `salt` should differ from process to process and be known to nobody else.
    #[must_use]
    pub fn new(control_namespace: &str, prices: PriceBook, salt: [u8; 32]) -> Self {
        Self {
            control_namespace: control_namespace.into(),
            prices,
            salt: hmac::Key::new(hmac::HMAC_SHA256, &salt),
            providers: BTreeMap::new(),
            policies: BTreeMap::new(),
            secrets: BTreeMap::new(),
            config_maps: BTreeMap::new(),
            namespaces: BTreeMap::new(),
            pods: Pods::default(),
            refused: BTreeMap::new(),
            revision: 0,
            anchored: HashMap::new(),
            references: References::default(),
            usable: HashMap::new(),
            subjects: Subjects::default(),
            classes: Classes::default(),
            changes: Changes::default(),
            asked: HashMap::new(),
            encoded: EncodedCache::default(),
            journal: Journal::default(),
        }
    }

    /// Raised by every change that may change an effective policy, or how an object stands.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Objects in force of one kind.
    #[must_use]
    pub fn count(&self, kind: Kind) -> usize {
        match kind {
            Kind::AiProvider => self.providers.len(),
            Kind::AiPolicy => self.policies.len(),
            Kind::Secret => self.secrets.len(),
            Kind::ConfigMap => self.config_maps.len(),
            Kind::Namespace => self.namespaces.len(),
            Kind::Pod => self.pods.count(),
            Kind::Owner => self.pods.count_owners(),
        }
    }

    /// The effective policy of `caller`: worked out and encoded once for all callers of the same class.
    pub fn effective(&mut self, caller: &Caller) -> Arc<Effective> {
        let facts = Facts::of(caller);
        if let Some(known) = self.known_class(&facts).and_then(|class| self.effective_of(class)) {
            return known;
        }
        let class = self.class_of(&facts);
        if let Some(known) = self.classes.find(&class).and_then(|id| self.effective_of(id)) {
            return known;
        }
        if let Some(known) = self.asked.get(&class) {
            return known.clone();
        }
        let built = Arc::new(self.build(&class));
        if self.asked.len() >= MOST_ASKED {
            self.asked.clear();
        }
        self.asked.insert(class, built.clone());
        built
    }

    /// Whether exactly this version of a provider or policy was applied last and is in force.
    #[must_use]
    pub fn is_in_force(&self, name: &ObjectName, metadata: &ObjectMeta) -> bool {
        let key = (name.namespace.clone(), name.name.clone());
        let origin = match name.kind {
            Kind::AiProvider => self.providers.get(&key).map(|entry| &entry.accepted.origin),
            Kind::AiPolicy => self.policies.get(&key).map(|policy| &policy.origin),
            _ => None,
        };
        let created = metadata.creation_timestamp.as_ref().map_or(0, |time| time.0.as_nanosecond());
        !self.refused.contains_key(name)
            && origin.is_some_and(|origin| {
                metadata.uid.as_deref() == Some(&*origin.uid)
                    && metadata.generation == Some(origin.generation)
                    && origin.created == created
            })
    }

    /// Takes a provider, or refuses it and keeps its last good version.
    pub fn apply_provider(&mut self, object: AIProvider) {
        let name = object_name(Kind::AiProvider, &object.metadata);
        let key = (name.namespace.clone(), name.name.clone());
        let old = self.providers.get(&key);
        let same = old.filter(|old| Some(&*old.accepted.origin.uid) == object.metadata.uid.as_deref());
        let accepted = same
            .map_or(Ok(()), |old| check_update(&old.spec, &object.spec))
            .and_then(|()| accept_provider(&object, &self.context()));
        let accepted = match accepted {
            Ok(accepted) => accepted,
            Err(why) => return self.refuse(name, &object.metadata, why),
        };
        let stays = old.is_some_and(|old| old.accepted == accepted);
        self.forgive(&name);
        self.journal.accepted(&name, &object.metadata, &object.spec);
        if stays {
            return;
        }
        let prices = self.prices.rules_for(&accepted.provider.endpoint);
        self.set_provider(&key, Some(ProviderEntry { spec: object.spec, accepted, prices }));
    }

    /// Takes a policy, or refuses it and keeps its last good version.
    pub fn apply_policy(&mut self, object: &AIPolicy) {
        let name = object_name(Kind::AiPolicy, &object.metadata);
        let accepted = match accept_policy(object, &self.context()) {
            Ok(accepted) => accepted,
            Err(why) => return self.refuse(name, &object.metadata, why),
        };
        self.forgive(&name);
        self.journal.accepted(&name, &object.metadata, &object.spec);
        let key = (name.namespace, name.name);
        if self.policies.get(&key) != Some(&accepted) {
            self.set_policy(&key, Some(accepted));
        }
    }

    /// Takes a Secret of which nobody says who wrote it.
    pub fn apply_secret(&mut self, secret: Secret) {
        self.apply_secret_by(secret, Vec::new());
    }

    /// Takes a Secret; a value that is no key counts as none.
    pub fn apply_secret_by(&mut self, secret: Secret, authors: Vec<Author>) {
        let key = (secret.namespace.clone(), secret.name.clone());
        self.journal.secret(self.secrets.get(&key), &secret, authors);
        if self.secrets.get(&key) != Some(&secret) {
            self.secrets.insert(key.clone(), secret);
            self.secret_changed(&key);
        }
    }

    /// Takes a ConfigMap.
    pub fn apply_config_map(&mut self, namespace: &str, name: &str, data: ConfigData) {
        let key: Name = (namespace.into(), name.into());
        if self.config_maps.get(&key) != Some(&data) {
            self.config_maps.insert(key.clone(), data);
            self.config_map_changed(&key);
        }
    }

    /// Takes the labels of a namespace.
    pub fn apply_namespace(&mut self, name: &str, labels: Labels) {
        if self.namespaces.get(name) != Some(&labels) {
            let name: Arc<str> = name.into();
            self.namespaces.insert(name.clone(), labels);
            self.namespace_changed(&name);
        }
    }

    /// Takes a pod with a sidecar.
    pub fn apply_pod(&mut self, pod: PodFacts) {
        let name: Name = (pod.namespace.clone(), pod.name.clone());
        if self.pods.apply(pod) {
            self.place_pod(&name);
            self.changed();
        }
    }

    /// Takes an owner of pods, or of what owns pods.
    pub fn apply_owner(&mut self, owned: Owned) {
        let pods = self.pods.apply_owner(owned);
        self.place_pods(&pods);
    }

    /// Whom a pod speaks for, if it is known and has this identity.
    #[must_use]
    pub fn caller_of(&self, namespace: &str, pod: &str, uid: &str) -> Option<Caller> {
        let name: Name = (namespace.into(), pod.into());
        self.pods.get(&name).filter(|known| *known.uid == *uid)?;
        self.pods.caller(&name)
    }

    /// Pods with a sidecar that are known, of one namespace or of all.
    #[must_use]
    pub fn pods_of(&self, namespace: Option<&str>) -> usize {
        self.pods.count_of(namespace)
    }

    /// The Secrets and the ConfigMaps that accepted providers name, by namespace and name.
    #[must_use]
    pub fn wanted(&self) -> (BTreeSet<Name>, BTreeSet<Name>) {
        let accepted = || self.providers.values().map(|entry| &entry.accepted);
        (accepted().flat_map(touch::secrets).collect(), accepted().flat_map(touch::config_maps).collect())
    }

    /// Forgets an object, whether or not its last version was accepted.
    pub fn delete(&mut self, name: &ObjectName) {
        self.journal.deleted(name);
        self.forgive(name);
        let key = (name.namespace.clone(), name.name.clone());
        match name.kind {
            Kind::AiProvider if self.providers.contains_key(&key) => self.set_provider(&key, None),
            Kind::AiPolicy if self.policies.contains_key(&key) => self.set_policy(&key, None),
            Kind::Secret if self.secrets.remove(&key).is_some() => self.secret_changed(&key),
            Kind::ConfigMap if self.config_maps.remove(&key).is_some() => self.config_map_changed(&key),
            Kind::Namespace if self.namespaces.remove(&name.name).is_some() => self.namespace_changed(&name.name),
            Kind::Pod if self.pods.remove(&key) => self.place_pods(&[key].into()),
            Kind::Owner => {
                let pods = self.pods.remove_owner(&key.0, &key.1);
                self.place_pods(&pods);
            }
            _ => {}
        }
    }

    /// Forgets an object that is of no interest any more, which is no deletion.
    pub fn forget(&mut self, name: &ObjectName) {
        self.journal.forget(name);
        self.delete(name);
    }

    /// Begins a re-list of one kind: forgets every object of it that `listed` does not name. The listed ones are
    /// applied by the caller, before or after.
    pub fn retain(&mut self, kind: Kind, listed: &dyn Fn(&ObjectName) -> bool) {
        let known: Vec<ObjectName> = self.names(kind).into_iter().filter(|name| !listed(name)).collect();
        for name in known {
            self.delete(&name);
        }
    }

    /// Re-lists the providers: takes these, forgets all others.
    pub fn reset_providers(&mut self, objects: Vec<AIProvider>) {
        let names: Vec<ObjectName> = objects.iter().map(|o| object_name(Kind::AiProvider, &o.metadata)).collect();
        self.retain(Kind::AiProvider, &|name| names.contains(name));
        for object in objects {
            self.apply_provider(object);
        }
    }

    /// Re-lists the policies: takes these, forgets all others.
    pub fn reset_policies(&mut self, objects: &[AIPolicy]) {
        let names: std::collections::BTreeSet<ObjectName> =
            objects.iter().map(|o| object_name(Kind::AiPolicy, &o.metadata)).collect();
        self.retain(Kind::AiPolicy, &|name| names.contains(name));
        for object in objects {
            self.apply_policy(object);
        }
    }

    /// Takes another price list.
    pub fn set_prices(&mut self, prices: PriceBook) {
        for entry in self.providers.values_mut() {
            entry.prices = prices.rules_for(&entry.accepted.provider.endpoint);
        }
        self.prices = prices;
        self.touch_all();
    }

    fn names(&self, kind: Kind) -> Vec<ObjectName> {
        let of = |keys: Vec<&Name>| keys.iter().map(|k| ObjectName::new(kind, k.0.clone(), k.1.clone())).collect();
        let mut names: Vec<ObjectName> = match kind {
            Kind::AiProvider => of(self.providers.keys().collect()),
            Kind::AiPolicy => of(self.policies.keys().collect()),
            Kind::Secret => of(self.secrets.keys().collect()),
            Kind::ConfigMap => of(self.config_maps.keys().collect()),
            Kind::Namespace => self.namespaces.keys().map(|n| ObjectName::new(kind, "", n.clone())).collect(),
            Kind::Pod => self.pods.names(),
            Kind::Owner => self.pods.names_of_owners(),
        };
        names.extend(self.refused.keys().filter(|n| n.kind == kind).cloned());
        names
    }

    fn context(&self) -> Context<'_> {
        Context { control_namespace: &self.control_namespace }
    }

    /// Refuses an object. The last good version stays in force if it is of the same object: one of the same name and
    /// another identity was deleted, whether or not anybody saw it.
    pub fn refuse(&mut self, name: ObjectName, metadata: &ObjectMeta, why: Vec<Invalid>) {
        let uid: Arc<str> = metadata.uid.as_deref().unwrap_or_default().into();
        let key = (name.namespace.clone(), name.name.clone());
        let known = match name.kind {
            Kind::AiProvider => self.providers.get(&key).map(|entry| &entry.accepted.origin),
            _ => self.policies.get(&key).map(|policy| &policy.origin),
        };
        if known.is_some_and(|origin| origin.uid != uid) {
            self.delete(&name);
        }
        self.journal.refused(&name, metadata, &why);
        let refused = Refused { uid, generation: metadata.generation.unwrap_or(0), why };
        if self.refused.get(&name) != Some(&refused) {
            self.refused.insert(name, refused);
            self.revision += 1;
        }
    }

    /// Nothing of an object is refused any more.
    fn forgive(&mut self, name: &ObjectName) {
        if self.refused.remove(name).is_some() {
            self.revision += 1;
        }
    }

    fn place_pods(&mut self, pods: &BTreeSet<Name>) {
        for pod in pods {
            self.place_pod(pod);
        }
        if !pods.is_empty() {
            self.changed();
        }
    }

    fn changed(&mut self) {
        self.revision += 1;
        self.asked.clear();
        self.encoded.forget_unused();
    }
}

/// The name that an object goes by.
#[must_use]
pub fn object_name(kind: Kind, metadata: &ObjectMeta) -> ObjectName {
    let text = |t: &Option<String>| t.clone().unwrap_or_default();
    ObjectName::new(kind, text(&metadata.namespace), text(&metadata.name))
}

//! What is taken of each object of a cluster; everything else of it is dropped as soon as it is read.
//!
//! An object that does not decode is still an object: it has a name and a version, and the reason why it cannot be
//! used. The reason never quotes a Secret.

use std::collections::BTreeMap;
use std::sync::Arc;

use ::kube::api::DynamicObject;
use ::kube::core::{Object, PartialObjectMeta};
use k8s_openapi::api::core::v1::{ConfigMap, Secret as KubeSecret};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ManagedFieldsEntry, ObjectMeta, OwnerReference};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use sidegate_crds::{AIPolicy, AIProvider};
use sidegate_telemetry::Author;
use zeroize::Zeroizing;

use crate::index::{ConfigData, Index, Labels, Owned, OwnerKind, OwnerRef, PodFacts, authors, object_name};
use crate::problem::{Kind, ObjectName};
use crate::secret::{HOSTS_ANNOTATION, Secret, SecretValue};

/// An object as far as it counts.
pub(super) enum Taken {
    /// An AIProvider.
    Provider(Box<AIProvider>),
    /// An AIPolicy.
    Policy(Box<AIPolicy>),
    /// A Namespace.
    Namespace(Labels),
    /// A pod with a sidecar.
    Pod(PodFacts),
    /// What leads from a pod to its workload.
    Owner(Owned),
    /// A Secret that a provider names, and who wrote it.
    Secret(Secret, Vec<Author>),
    /// A ConfigMap that a provider names.
    ConfigMap(ConfigData),
    /// It is there, and nothing of it counts: a pod that has ended.
    Nothing,
}

/// An object, which version of it this is, and what is taken of it.
pub(super) struct Seen {
    pub(super) name: ObjectName,
    pub(super) mark: Mark,
    pub(super) metadata: Box<ObjectMeta>,
    /// What is taken, or why it does not decode.
    pub(super) taken: Result<Taken, String>,
}

/// Which version of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mark {
    /// Another object of the same name has another one.
    pub(super) uid: Arc<str>,
    /// `resourceVersion` as a number; 0 if it is none.
    pub(super) version: u64,
    /// `generation`; 0 for kinds that have none.
    pub(super) generation: i64,
}

impl Seen {
    fn new(kind: Kind, metadata: ObjectMeta, taken: Result<Taken, String>) -> Self {
        Self::named(object_name(kind, &metadata), metadata, taken)
    }

    fn named(name: ObjectName, metadata: ObjectMeta, taken: Result<Taken, String>) -> Self {
        let mark = Mark {
            uid: metadata.uid.as_deref().unwrap_or_default().into(),
            version: number(metadata.resource_version.as_deref().unwrap_or_default()),
            generation: metadata.generation.unwrap_or(0),
        };
        Self { name, mark, metadata: Box::new(trimmed(metadata)), taken }
    }
}

/// A resource version as a number, which is what API servers make of it; 0 if it is none.
pub(super) fn number(version: &str) -> u64 {
    version.parse().unwrap_or(0)
}

/// Of managed fields, who wrote the object itself, how and when; the rest is as large as the object. Its status is
/// written by this program.
fn trimmed(mut metadata: ObjectMeta) -> ObjectMeta {
    if let Some(entries) = &mut metadata.managed_fields {
        entries.retain(|entry| entry.subresource.is_none());
        for entry in entries {
            let (manager, operation, time) = (entry.manager.take(), entry.operation.take(), entry.time.take());
            *entry = ManagedFieldsEntry { manager, operation, time, ..ManagedFieldsEntry::default() };
        }
    }
    metadata
}

/// Brings an object to the index.
impl Taken {
    pub(super) fn apply_to(self, name: &ObjectName, index: &mut Index) {
        match self {
            Self::Provider(object) => index.apply_provider(*object),
            Self::Policy(object) => index.apply_policy(&object),
            Self::Namespace(labels) => index.apply_namespace(&name.name, labels),
            Self::Pod(pod) => index.apply_pod(pod),
            Self::Owner(owned) => index.apply_owner(owned),
            Self::Secret(secret, authors) => index.apply_secret_by(secret, authors),
            Self::ConfigMap(data) => index.apply_config_map(&name.namespace, &name.name, data),
            Self::Nothing => index.delete(name),
        }
    }
}

/// The part of a pod that says who it is.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PodIdentity {
    #[serde(default)]
    service_account_name: Option<String>,
}

/// The part of a pod that says whether it has ended.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct PodState {
    #[serde(default)]
    phase: Option<String>,
}

/// A pod of which only that is read.
pub(super) type LeanPod = Object<PodIdentity, PodState>;

pub(super) fn provider(object: DynamicObject) -> Seen {
    let (metadata, spec) = spec_of(object);
    let taken = spec.map(|spec| {
        let mut provider = AIProvider::new("", spec);
        provider.metadata = trimmed(metadata.clone());
        Taken::Provider(Box::new(provider))
    });
    Seen::new(Kind::AiProvider, metadata, taken)
}

pub(super) fn policy(object: DynamicObject) -> Seen {
    let (metadata, spec) = spec_of(object);
    let taken = spec.map(|spec| {
        let mut policy = AIPolicy::new("", spec);
        policy.metadata = trimmed(metadata.clone());
        Taken::Policy(Box::new(policy))
    });
    Seen::new(Kind::AiPolicy, metadata, taken)
}

/// The status is what this program writes, so it is not read.
fn spec_of<S: DeserializeOwned>(mut object: DynamicObject) -> (ObjectMeta, Result<S, String>) {
    let spec = object.data.get_mut("spec").map(serde_json::Value::take).unwrap_or_default();
    let spec = serde_json::from_value(spec).map_err(|e| format!("does not decode: {e}"));
    (object.metadata, spec)
}

pub(super) fn namespace<K>(object: PartialObjectMeta<K>) -> Seen {
    let labels = object.metadata.labels.clone().unwrap_or_default();
    Seen::new(Kind::Namespace, object.metadata, Ok(Taken::Namespace(labels)))
}

pub(super) fn pod(object: LeanPod) -> Seen {
    let metadata = object.metadata;
    let phase = object.status.and_then(|status| status.phase);
    let taken = if matches!(phase.as_deref(), Some("Succeeded" | "Failed")) {
        Taken::Nothing
    } else {
        Taken::Pod(PodFacts {
            namespace: metadata.namespace.as_deref().unwrap_or_default().into(),
            name: metadata.name.as_deref().unwrap_or_default().into(),
            uid: metadata.uid.as_deref().unwrap_or_default().into(),
            labels: metadata.labels.clone().unwrap_or_default(),
            service_account: object.spec.service_account_name.as_deref().unwrap_or("default").into(),
            owner: controller_of(&metadata),
        })
    };
    Seen::new(Kind::Pod, metadata, Ok(taken))
}

pub(super) fn replica_set<K>(object: PartialObjectMeta<K>) -> Seen {
    owner(OwnerKind::ReplicaSet, object.metadata)
}

pub(super) fn job<K>(object: PartialObjectMeta<K>) -> Seen {
    owner(OwnerKind::Job, object.metadata)
}

fn owner(kind: OwnerKind, metadata: ObjectMeta) -> Seen {
    let text = |t: &Option<String>| Arc::<str>::from(t.as_deref().unwrap_or_default());
    let (namespace, name) = (text(&metadata.namespace), text(&metadata.name));
    let known_as = Owned::object_name(kind, &namespace, &name);
    let owned = Owned { namespace, kind, name, uid: text(&metadata.uid), owner: controller_of(&metadata) };
    // Without an owner of its own it leads nowhere that the pod does not say itself.
    let taken = if owned.owner.is_some() { Taken::Owner(owned) } else { Taken::Nothing };
    Seen::named(known_as, metadata, Ok(taken))
}

fn controller_of(metadata: &ObjectMeta) -> Option<OwnerRef> {
    let controls = |owner: &&OwnerReference| owner.controller == Some(true);
    let owner = metadata.owner_references.iter().flatten().find(controls)?;
    let kind = OwnerKind::of(&owner.api_version, &owner.kind)?;
    Some(OwnerRef { kind, name: owner.name.as_str().into(), uid: owner.uid.as_str().into() })
}

pub(super) fn secret(object: KubeSecret) -> Seen {
    let metadata = object.metadata;
    let hosts = metadata.annotations.as_ref().and_then(|all| all.get(HOSTS_ANNOTATION)).map(|a| Secret::hosts_of(a));
    let mut keys = BTreeMap::new();
    for (key, value) in object.data.unwrap_or_default() {
        let raw = Zeroizing::new(value.0);
        keys.insert(key, SecretValue::read(&raw).map(Arc::new));
    }
    let secret = Secret {
        namespace: metadata.namespace.as_deref().unwrap_or_default().into(),
        name: metadata.name.as_deref().unwrap_or_default().into(),
        hosts,
        keys,
    };
    let authors = authors(&metadata);
    Seen::new(Kind::Secret, metadata, Ok(Taken::Secret(secret, authors)))
}

pub(super) fn config_map(object: ConfigMap) -> Seen {
    Seen::new(Kind::ConfigMap, object.metadata, Ok(Taken::ConfigMap(object.data.unwrap_or_default())))
}

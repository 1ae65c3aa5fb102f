//! From a document to an object: only the kinds that count, and only fields that they have.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use k8s_openapi::ByteString;
use serde::de::value::{Error as ValueError, StrDeserializer};
use serde::de::{DeserializeOwned, Error, IgnoredAny, Visitor};
use serde::{Deserialize, Deserializer};
use sidegate_crds::{AIPolicySpec, AIProviderSpec, API_VERSION};
use zeroize::Zeroizing;

use super::yaml::{self, Broken, Document};
use crate::index::{ConfigData, Labels};
use crate::problem::{Kind, ObjectName, Problem};
use crate::secret::{BadValue, HOSTS_ANNOTATION, Secret, SecretValue};

/// Documents of one file.
const MOST_DOCUMENTS: usize = 1000;

/// How the versions of our group begin.
const GROUP: &str = "sidegate.dev/";

/// An object as it was read.
#[derive(Clone, PartialEq)]
pub enum Object {
    /// An AIProvider.
    Provider(Box<AIProviderSpec>),
    /// An AIPolicy.
    Policy(Box<AIPolicySpec>),
    /// A Secret.
    Secret(Secret),
    /// A ConfigMap.
    ConfigMap(ConfigData),
    /// A Namespace.
    Namespace(Labels),
}

/// An object and where it stands.
#[derive(Clone)]
pub(super) struct Loaded {
    pub(super) name: ObjectName,
    pub(super) object: Object,
    pub(super) line: usize,
    /// The document, to find lines in; of a Secret nothing is kept.
    pub(super) text: Arc<str>,
}

/// What a file says.
#[derive(Default)]
pub(super) struct Read {
    pub(super) objects: Vec<Loaded>,
    pub(super) problems: Vec<Problem>,
    /// Names of the objects.
    pub(super) named: BTreeSet<ObjectName>,
    /// Names of those that do not parse.
    pub(super) broken: BTreeSet<ObjectName>,
    /// Something does not parse so far that it has no name.
    pub(super) unnamed_broken: bool,
}

/// Reads every document of a file.
pub(super) fn read(path: &Arc<str>, text: &str) -> Read {
    let mut read = Read::default();
    let documents = yaml::documents(text);
    if documents.len() > MOST_DOCUMENTS {
        let reason = format!("has more than {MOST_DOCUMENTS} documents; its last good objects stay");
        read.problems.push(Problem::at(path.clone(), 0, reason));
        read.unnamed_broken = true;
        return read;
    }
    for document in documents {
        read.take(path, &document);
    }
    read
}

impl Read {
    fn take(&mut self, path: &Arc<str>, document: &Document<'_>) {
        let head = yaml::measure(document.text).and_then(|()| yaml::read::<Head>(document.text));
        let head = match head {
            Ok(head) => head,
            Err(broken) => {
                self.unnamed_broken = true;
                return self.refuse(path, document, broken, None);
            }
        };
        let Some(kind) = head.known_kind() else {
            let list = (head.api_version.as_str(), head.kind.as_str()) == ("v1", "List");
            let instead = if list { "; write its items as documents, parted by ---" } else { "" };
            let reason = format!("{} {} is not read here and ignored{instead}", head.api_version, head.kind);
            let problem = Problem::at(path.clone(), document.line, reason);
            // An object of another group is somebody else's; one of this group, and a list of any, was meant for us.
            let ours = head.api_version.starts_with(GROUP) || list;
            return self.problems.push(if ours { problem } else { problem.warning() });
        };
        let namespace = match kind {
            Kind::Namespace => String::new(),
            _ => head.metadata.namespace.clone().unwrap_or_else(|| "default".to_owned()),
        };
        let name = ObjectName::new(kind, namespace, head.metadata.name.clone());
        match object(&name, document.text) {
            Ok(object) => {
                self.named.insert(name.clone());
                let text = if kind == Kind::Secret { "" } else { document.text };
                self.objects.push(Loaded { name, object, line: document.line, text: text.into() });
            }
            Err(broken) => {
                self.broken.insert(name.clone());
                self.refuse(path, document, broken, Some(name));
            }
        }
    }

    fn refuse(&mut self, path: &Arc<str>, document: &Document<'_>, broken: Broken, object: Option<ObjectName>) {
        let problem = Problem::at(path.clone(), document.line + broken.line, broken.reason);
        self.problems.push(Problem { object, ..problem });
    }
}

/// What every document begins with; the rest is read once the kind is known.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head {
    #[serde(default)]
    api_version: String,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    metadata: HeadMetadata,
}

#[derive(Deserialize, Default)]
struct HeadMetadata {
    #[serde(default)]
    name: String,
    namespace: Option<String>,
}

impl Head {
    fn known_kind(&self) -> Option<Kind> {
        match (self.api_version.as_str(), self.kind.as_str()) {
            (API_VERSION, "AIProvider") => Some(Kind::AiProvider),
            (API_VERSION, "AIPolicy") => Some(Kind::AiPolicy),
            ("v1", "Secret") => Some(Kind::Secret),
            ("v1", "ConfigMap") => Some(Kind::ConfigMap),
            ("v1", "Namespace") => Some(Kind::Namespace),
            _ => None,
        }
    }
}

/// A whole document: `B` is what it has besides what all have.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Whole<S> {
    #[serde(rename = "apiVersion")]
    _api_version: IgnoredAny,
    #[serde(rename = "kind")]
    _kind: IgnoredAny,
    #[serde(rename = "metadata")]
    _metadata: Metadata,
    spec: S,
    #[serde(default, rename = "status")]
    _status: IgnoredAny,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WholeSecret {
    #[serde(rename = "apiVersion")]
    _api_version: IgnoredAny,
    #[serde(rename = "kind")]
    _kind: IgnoredAny,
    metadata: Metadata,
    #[serde(default, rename = "type")]
    _type: IgnoredAny,
    #[serde(default, rename = "immutable")]
    _immutable: IgnoredAny,
    #[serde(default)]
    data: BTreeMap<String, KeyText>,
    #[serde(default)]
    string_data: BTreeMap<String, KeyText>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WholeConfigMap {
    #[serde(rename = "apiVersion")]
    _api_version: IgnoredAny,
    #[serde(rename = "kind")]
    _kind: IgnoredAny,
    #[serde(rename = "metadata")]
    _metadata: Metadata,
    #[serde(default)]
    data: ConfigData,
    #[serde(default, rename = "binaryData")]
    _binary_data: IgnoredAny,
    #[serde(default, rename = "immutable")]
    _immutable: IgnoredAny,
}

/// The metadata that objects have in files, what a server adds included.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Metadata {
    #[serde(rename = "name")]
    _name: String,
    #[serde(default, rename = "namespace")]
    _namespace: Option<String>,
    #[serde(default)]
    labels: Labels,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
    #[serde(default, rename = "uid")]
    _uid: IgnoredAny,
    #[serde(default, rename = "resourceVersion")]
    _resource_version: IgnoredAny,
    #[serde(default, rename = "generation")]
    _generation: IgnoredAny,
    #[serde(default, rename = "creationTimestamp")]
    _creation_timestamp: IgnoredAny,
    #[serde(default, rename = "managedFields")]
    _managed_fields: IgnoredAny,
    #[serde(default, rename = "finalizers")]
    _finalizers: IgnoredAny,
    #[serde(default, rename = "ownerReferences")]
    _owner_references: IgnoredAny,
    #[serde(default, rename = "selfLink")]
    _self_link: IgnoredAny,
}

fn object(name: &ObjectName, text: &str) -> Result<Object, Broken> {
    if name.name.is_empty() {
        return Err(Broken { line: 0, reason: "has no metadata.name".into() });
    }
    fn whole<S: DeserializeOwned>(text: &str) -> Result<Whole<S>, Broken> {
        yaml::read(text)
    }
    Ok(match name.kind {
        Kind::AiProvider => Object::Provider(Box::new(whole(text)?.spec)),
        Kind::AiPolicy => Object::Policy(Box::new(whole(text)?.spec)),
        Kind::Secret => Object::Secret(secret(name, text)?),
        Kind::ConfigMap => Object::ConfigMap(yaml::read::<WholeConfigMap>(text)?.data),
        Kind::Namespace => {
            // Its spec and status say nothing that counts here and may be absent.
            #[derive(Deserialize)]
            struct WholeNamespace {
                metadata: Metadata,
            }
            Object::Namespace(yaml::read::<WholeNamespace>(text)?.metadata.labels)
        }
        Kind::Pod | Kind::Owner => return Err(Broken { line: 0, reason: "is not read from files".into() }),
    })
}

fn secret(name: &ObjectName, text: &str) -> Result<Secret, Broken> {
    // The parser's own words could quote a misplaced key.
    let reason = "is no Secret: data and stringData map names to strings, and only metadata, type and immutable may \
                  stand beside them";
    let whole: WholeSecret =
        yaml::read(text).map_err(|broken| Broken { line: broken.line, reason: reason.to_owned() })?;
    let mut keys: BTreeMap<String, Result<Arc<SecretValue>, BadValue>> = BTreeMap::new();
    for (key, text) in whole.data {
        let value = decode_base64(&text.0).and_then(|raw| SecretValue::read(&raw));
        keys.insert(key, value.map(Arc::new));
    }
    for (key, text) in whole.string_data {
        keys.insert(key, SecretValue::read(text.0.as_bytes()).map(Arc::new));
    }
    let hosts = whole.metadata.annotations.get(HOSTS_ANNOTATION).map(|a| Secret::hosts_of(a));
    Ok(Secret { namespace: name.namespace.clone(), name: name.name.clone(), hosts, keys })
}

fn decode_base64(text: &str) -> Result<Zeroizing<Vec<u8>>, BadValue> {
    let plain = Zeroizing::new(text.split_ascii_whitespace().collect::<String>());
    let decoded = ByteString::deserialize(StrDeserializer::<ValueError>::new(&plain));
    decoded.map(|bytes| Zeroizing::new(bytes.0)).map_err(|_| BadValue::NotBase64)
}

/// A text that may be a key: overwritten when dropped, and never quoted in an error.
struct KeyText(Zeroizing<String>);

impl<'de> Deserialize<'de> for KeyText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = KeyText;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<KeyText, E> {
                Ok(KeyText(Zeroizing::new(text.to_owned())))
            }
        }
        // Not `deserialize_str`, which would take an unquoted number.
        deserializer.deserialize_any(Text)
    }
}

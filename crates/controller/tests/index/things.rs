//! Small objects of every kind in a few versions, some of them to be refused, for tests of any order of events.

use proptest::prelude::*;
use serde_json::{Value, json};
use sidegate_controller::{Index, Kind, ObjectName, Owned, OwnerKind, OwnerRef, PodFacts};

use super::objects::{merged, policy_aged, provider_aged, secret};

pub const NAMESPACES: [&str; 3] = ["sidegate-system", "shop", "bank"];

/// An object: which one, and which of its versions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Thing {
    pub kind: Kind,
    pub namespace: usize,
    pub number: u8,
    pub version: u8,
}

pub fn any_thing() -> impl Strategy<Value = Thing> {
    (0..Kind::ALL.len(), 0..3_usize, 0..2_u8, 0..6_u8).prop_map(|(kind, namespace, number, version)| Thing {
        kind: Kind::ALL[kind],
        namespace,
        number,
        version,
    })
}

impl Thing {
    fn namespace(self) -> &'static str {
        NAMESPACES[self.namespace]
    }

    fn label(self) -> String {
        format!("o{}", self.number)
    }

    pub fn name(self) -> ObjectName {
        match self.kind {
            Kind::Namespace => ObjectName::new(self.kind, "", self.namespace()),
            Kind::Owner => Owned::object_name(self.owner().0, self.namespace(), self.owner().1),
            kind => ObjectName::new(kind, self.namespace(), self.label()),
        }
    }

    /// Versions 4 and 5 are of objects that were created anew.
    pub fn uid(self) -> String {
        format!("uid {}", self.version / 4)
    }

    /// Versions 3 and 5 of what people write break a rule.
    pub fn is_refused(self) -> bool {
        matches!(self.kind, Kind::AiProvider | Kind::AiPolicy) && matches!(self.version, 3 | 5)
    }

    /// Version 2 of a provider leads its key to another host, which no edit may.
    pub fn may_follow(self, good: Self) -> bool {
        self.kind != Kind::AiProvider || (self.version == 2) == (good.version == 2)
    }

    fn told(self, mut object: Value) -> Value {
        object["metadata"]["uid"] = self.uid().into();
        object["metadata"]["generation"] = u32::from(self.version).into();
        object
    }

    fn provider(self) -> sidegate_crds::AIProvider {
        let from = match self.version {
            _ if self.namespace() != "sidegate-system" => json!({"from": "Same"}),
            0 => json!({"from": "Same"}),
            1 => json!({"from": "Selector", "selector": {"matchLabels": {"v": "1"}}}),
            _ => json!({"from": "All"}),
        };
        let mut spec = json!({
            "dialect": "OpenAI",
            "credentials": [{"name": "a", "weight": self.version, "secretRef": {"name": "o0", "key": "k"}}],
            "access": {"namespaces": from},
        });
        if self.version == 0 && self.number == 1 {
            spec["tls"] = json!({"caCertificateRefs": [{"kind": "ConfigMap", "name": "o1", "key": "k"}]});
        }
        if self.version == 2 {
            spec["endpoint"] = "https://elsewhere.example/v1".into();
        }
        if self.is_refused() {
            spec["endpoint"] = "https://169.254.169.254/".into();
        }
        let object = provider_aged(self.namespace(), &self.label(), self.number, spec);
        serde_json::from_value(self.told(json!(object))).expect("has the shape of a provider")
    }

    fn policy(self) -> sidegate_crds::AIPolicy {
        let target = match self.version {
            0 => json!({}),
            1 => json!({"podSelector": {"matchLabels": {"app": "checkout"}}}),
            2 => json!({"targetRefs": [{"kind": "Deployment", "name": "checkout"},
                                       {"kind": "ServiceAccount", "name": "default"}]}),
            4 if self.namespace() == "sidegate-system" => json!({"namespaceSelector": {"matchLabels": {"v": "1"}}}),
            _ => json!({"podSelector": {"matchExpressions": [{"key": "app", "operator": "Exists"}]}}),
        };
        let allow = if self.is_refused() { "m*m".to_owned() } else { format!("m{}*", self.version) };
        let labelled = json!([{"name": "app", "label": "app"}, {"name": "h", "header": "x-h"}]);
        let telemetry = match self.version {
            0 => json!({"traces": {"ratio": "0.5"}, "attributes": [{"name": "h", "header": "x-own"}]}),
            1 => json!({"content": {"capture": "None"}, "attributes": labelled}),
            2 => json!({"traces": {"ratio": "1"}, "attributes": labelled}),
            _ => json!({"content": {"capture": "Full", "maxBytes": 1 + self.number}}),
        };
        let spec = json!({
            "mode": if self.version == 2 && self.number == 1 { "DryRun" } else { "Enforce" },
            "telemetry": telemetry,
            "models": {"allow": [allow]},
            "routes": [{"name": "r", "matches": [{"models": ["m"]}],
                        "targets": [{"provider": "o0", "namespace": "sidegate-system"}, {"provider": "o1"}]}],
            "limits": [{"name": "l", "per": [{"type": "Pod"}], "requests": self.version + 1, "window": "1m"}],
        });
        let object = policy_aged(self.namespace(), &self.label(), self.number, merged(spec, target));
        serde_json::from_value(self.told(json!(object))).expect("has the shape of a policy")
    }

    /// A pod of a ReplicaSet, of a Job or of nobody, whose owners may or may not be there.
    fn pod(self) -> PodFacts {
        let owner = |kind, name: &str| Some(OwnerRef { kind, name: name.into(), uid: "uid 0".into() });
        PodFacts {
            namespace: self.namespace().into(),
            name: self.label().into(),
            uid: self.uid().into(),
            labels: [("app".to_owned(), ["checkout", "pay"][usize::from(self.version % 2)].to_owned())].into(),
            service_account: ["default", "robot"][usize::from(self.version / 3)].into(),
            owner: match self.version {
                0 | 4 => None,
                1 | 2 => owner(OwnerKind::ReplicaSet, "checkout-1"),
                _ => owner(OwnerKind::Job, "nightly-1"),
            },
        }
    }

    fn owner(self) -> (OwnerKind, &'static str) {
        [(OwnerKind::ReplicaSet, "checkout-1"), (OwnerKind::Job, "nightly-1")][usize::from(self.number)]
    }

    fn owned(self) -> Owned {
        let (kind, name) = self.owner();
        let (above, of) = match kind {
            OwnerKind::ReplicaSet => (OwnerKind::Deployment, "checkout"),
            _ => (OwnerKind::CronJob, "nightly"),
        };
        Owned {
            namespace: self.namespace().into(),
            kind,
            name: name.into(),
            uid: self.uid().into(),
            owner: (!self.version.is_multiple_of(3)).then(|| OwnerRef {
                kind: above,
                name: of.into(),
                uid: "any".into(),
            }),
        }
    }

    pub fn apply(self, index: &mut Index) {
        let version = self.version.to_string();
        match self.kind {
            Kind::AiProvider => index.apply_provider(self.provider()),
            Kind::AiPolicy => index.apply_policy(&self.policy()),
            Kind::Secret => index.apply_secret(secret(self.namespace(), &self.label(), None, &[("k", &version)])),
            Kind::ConfigMap => {
                let pem = format!("-----BEGIN CERTIFICATE-----{version}");
                index.apply_config_map(self.namespace(), &self.label(), [("k".to_owned(), pem)].into());
            }
            Kind::Namespace => index.apply_namespace(self.namespace(), [("v".to_owned(), version)].into()),
            Kind::Pod => index.apply_pod(self.pod()),
            Kind::Owner => index.apply_owner(self.owned()),
        }
    }
}

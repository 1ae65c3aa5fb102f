//! Callers that stand for the pods that objects in files can tell apart.
//!
//! For each namespace that the files know, a pod without labels; for each policy, a pod that it selects, in each of
//! these namespaces that it reaches: its workload or ServiceAccount, or the labels that its selector asks for. A pod
//! that several policies select by different labels is not made up.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use sidegate_controller::source::files::Object;
use sidegate_controller::{Index, ObjectName};
use sidegate_crds::policy::TargetKind;
use sidegate_crds::selector::{Expression, Operator};
use sidegate_crds::{AIPolicySpec, Selector};
use sidegate_policy::Caller;

/// Callers looked at, so that a check has an end.
pub const MOST: usize = 2000;
/// A namespace that no object need name.
const ANYWHERE: &str = "default";

/// A caller by all that tells it from others.
type Identity = (Arc<str>, Arc<str>, Arc<str>, BTreeMap<String, String>);

/// The callers, and what keeps a policy from selecting any.
#[derive(Default)]
pub struct Callers {
    known: BTreeSet<Identity>,
    /// Policies whose selector contradicts itself.
    pub selecting_none: Vec<ObjectName>,
    /// There would be more than [`MOST`].
    pub cut: bool,
}

impl Callers {
    /// The callers that these objects tell apart. Namespaces that a policy selects by label alone are made up and put
    /// into `index`.
    pub fn of(objects: &[(ObjectName, Object)], control_namespace: &str, index: &mut Index) -> Self {
        let mut namespaces: BTreeMap<Arc<str>, BTreeMap<String, String>> =
            BTreeMap::from([(ANYWHERE.into(), BTreeMap::new())]);
        for (name, object) in objects {
            match object {
                Object::Namespace(labels) => {
                    namespaces.insert(name.name.clone(), labels.clone());
                }
                Object::Policy(_) | Object::Provider(_) => {
                    namespaces.entry(name.namespace.clone()).or_default();
                }
                Object::Secret(_) | Object::ConfigMap(_) => {}
            }
        }
        // Nobody's pods are there but the control plane's, unless a policy says so.
        namespaces.remove(control_namespace);
        let mut callers = Self::default();
        for namespace in namespaces.keys() {
            callers.add((namespace.clone(), "default".into(), "".into(), BTreeMap::new()));
        }
        for (name, object) in objects {
            let Object::Policy(spec) = object else { continue };
            match &spec.target_refs {
                Some(_) => callers.of_refs(name, spec),
                None => callers.of_selectors(
                    name,
                    spec,
                    (*name.namespace == *control_namespace).then_some(&namespaces),
                    index,
                ),
            }
        }
        callers
    }

    fn add(&mut self, identity: Identity) {
        if self.known.len() < MOST {
            self.known.insert(identity);
        } else {
            self.cut |= !self.known.contains(&identity);
        }
    }

    fn of_refs(&mut self, name: &ObjectName, spec: &AIPolicySpec) {
        for reference in spec.target_refs.iter().flatten() {
            let of: Arc<str> = reference.name.as_str().into();
            let own = name.namespace.clone();
            let workload = |kind: &str| (own.clone(), "default".into(), format!("{kind}/{of}").into(), BTreeMap::new());
            self.add(match reference.kind {
                TargetKind::Namespace => (of, "default".into(), "".into(), BTreeMap::new()),
                TargetKind::ServiceAccount => (own, of, "".into(), BTreeMap::new()),
                TargetKind::Deployment => workload("deployment"),
                TargetKind::StatefulSet => workload("statefulset"),
                TargetKind::DaemonSet => workload("daemonset"),
                TargetKind::Job => workload("job"),
                TargetKind::CronJob => workload("cronjob"),
            });
        }
    }

    /// `everywhere`: the namespaces that a policy of the control plane reaches.
    fn of_selectors(
        &mut self,
        name: &ObjectName,
        spec: &AIPolicySpec,
        everywhere: Option<&BTreeMap<Arc<str>, BTreeMap<String, String>>>,
        index: &mut Index,
    ) {
        let pods = spec.pod_selector.as_ref().map_or_else(BTreeMap::new, wanted);
        let chosen = spec.namespace_selector.as_ref();
        if spec.pod_selector.as_ref().is_some_and(|s| !s.matches(&pods))
            || chosen.is_some_and(|s| !s.matches(&wanted(s)))
        {
            return self.selecting_none.push(name.clone());
        }
        let Some(everywhere) = everywhere else {
            return self.add((name.namespace.clone(), "default".into(), "".into(), pods));
        };
        let named = |namespace: &Arc<str>, labels: &BTreeMap<String, String>| {
            let mut labels = labels.clone();
            labels.insert("kubernetes.io/metadata.name".to_owned(), namespace.to_string());
            labels
        };
        let mut reached: Vec<Arc<str>> = everywhere
            .iter()
            .filter(|(namespace, labels)| chosen.is_none_or(|s| s.matches(&named(namespace, labels))))
            .map(|(namespace, _)| namespace.clone())
            .collect();
        if let Some(selector) = chosen.filter(|_| reached.is_empty()) {
            let made_up = format!("selected-by-{}", name.name);
            index.apply_namespace(&made_up, wanted(selector));
            reached.push(made_up.into());
        }
        for namespace in reached {
            self.add((namespace, "default".into(), "".into(), pods.clone()));
        }
    }

    /// One after the other.
    pub fn iter(&self) -> impl Iterator<Item = Caller> {
        self.known.iter().map(|(namespace, service_account, workload, labels)| Caller {
            namespace: namespace.clone(),
            service_account: service_account.clone(),
            workload: workload.clone(),
            pod: "".into(),
            labels: labels.clone(),
        })
    }
}

/// Labels that a selector asks for, unless it contradicts itself.
fn wanted(selector: &Selector) -> BTreeMap<String, String> {
    let mut labels = selector.match_labels.clone();
    for Expression { key, operator, values } in &selector.match_expressions {
        let of_key = selector.match_expressions.iter().filter(|other| other.key == *key);
        let excluded: Vec<&String> =
            of_key.filter(|other| other.operator == Operator::NotIn).flat_map(|other| &other.values).collect();
        match operator {
            Operator::In => {
                let value = values.iter().find(|value| !excluded.contains(value)).or(values.first());
                value.map(|value| labels.entry(key.clone()).or_insert_with(|| value.clone()));
            }
            Operator::Exists => {
                labels.entry(key.clone()).or_insert_with(|| "any".to_owned());
            }
            Operator::NotIn | Operator::DoesNotExist => {}
        }
    }
    labels
}

//! Pods and workloads of the API server: who calls from them, and what they are part of.

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::batch::v1::{CronJob, Job};
use k8s_openapi::api::core::v1::{Pod, PodSpec, PodTemplateSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use sidegate_controller::Index;
use sidegate_controller::index::{Owned, OwnerKind, OwnerRef, PodFacts};
use sidegate_policy::Caller;

use super::Notes;
use super::cluster::Server;
use crate::failure::{Failure, UNAVAILABLE};
use crate::who::{Subject, SubjectKind};

/// The label of pods that carry a sidecar.
const SIDECAR: (&str, &str) = ("sidegate.dev/injected", "true");

/// Who calls from `subject`. A pod and its owners go into `index`, which finds its workload.
pub async fn caller(
    server: &Server,
    namespace: &str,
    subject: &Subject,
    index: &mut Index,
    notes: &mut Notes,
) -> Result<Caller, Failure> {
    let name = &subject.name;
    let template = match subject.kind {
        SubjectKind::Pod => return of_pod(server, (namespace, name), index, notes).await,
        SubjectKind::Deployment => server.get::<Deployment>(namespace, name).await?.spec.map(|s| s.template),
        SubjectKind::StatefulSet => server.get::<StatefulSet>(namespace, name).await?.spec.map(|s| s.template),
        SubjectKind::DaemonSet => server.get::<DaemonSet>(namespace, name).await?.spec.map(|s| s.template),
        SubjectKind::Job => {
            let job = server.get::<Job>(namespace, name).await?;
            let workload = job_workload(name, &job.metadata);
            return Ok(of_template(namespace, workload, job.spec.map(|s| s.template)));
        }
        SubjectKind::CronJob => {
            server.get::<CronJob>(namespace, name).await?.spec.and_then(|s| s.job_template.spec).map(|s| s.template)
        }
    };
    Ok(of_template(namespace, format!("{}/{name}", subject.kind.as_str()), template))
}

async fn of_pod(
    server: &Server,
    (namespace, name): (&str, &str),
    index: &mut Index,
    notes: &mut Notes,
) -> Result<Caller, Failure> {
    let pod = server.get::<Pod>(namespace, name).await?;
    let facts = PodFacts {
        namespace: namespace.into(),
        name: name.into(),
        uid: pod.metadata.uid.as_deref().unwrap_or_default().into(),
        owner: controller(&pod.metadata),
        service_account: service_account(pod.spec.as_ref()).into(),
        labels: pod.metadata.labels.unwrap_or_default(),
    };
    if facts.labels.get(SIDECAR.0).map(String::as_str) != Some(SIDECAR.1) {
        let (label, value) = SIDECAR;
        notes.say(format!(
            "the pod lacks the label {label}={value} of pods with a sidecar: this is what would hold if it had one"
        ));
    }
    if let Some(owner) = &facts.owner {
        above(server, namespace, owner, index).await.unwrap_or_else(|failure| {
            notes.hide(format!(
                "{}/{} owns the pod and cannot be read ({}): policies that refer to a workload may be missing",
                owner.kind.as_str(),
                owner.name,
                failure.message
            ));
        });
    }
    let uid = facts.uid.clone();
    index.apply_pod(facts);
    let lost = || Failure::new(UNAVAILABLE, format!("Pod/{namespace}/{name} has no identity"));
    index.caller_of(namespace, name, &uid).ok_or_else(lost)
}

/// What is above a pod's owner; only of a ReplicaSet and a Job there may be anything.
async fn above(server: &Server, namespace: &str, owner: &OwnerRef, index: &mut Index) -> Result<(), Failure> {
    let metadata = match owner.kind {
        OwnerKind::ReplicaSet => server.get::<ReplicaSet>(namespace, &owner.name).await?.metadata,
        OwnerKind::Job => server.get::<Job>(namespace, &owner.name).await?.metadata,
        OwnerKind::Deployment | OwnerKind::StatefulSet | OwnerKind::DaemonSet | OwnerKind::CronJob => return Ok(()),
    };
    index.apply_owner(Owned {
        namespace: namespace.into(),
        kind: owner.kind,
        name: owner.name.clone(),
        uid: metadata.uid.as_deref().unwrap_or_default().into(),
        owner: controller(&metadata),
    });
    Ok(())
}

/// A Job is part of its CronJob, if it has one.
fn job_workload(name: &str, metadata: &ObjectMeta) -> String {
    let above = controller(metadata).filter(|above| above.kind == OwnerKind::CronJob);
    above.map_or_else(|| format!("job/{name}"), |above| format!("cronjob/{}", above.name))
}

/// The owner that controls an object, if it is of a kind that leads to a workload.
fn controller(metadata: &ObjectMeta) -> Option<OwnerRef> {
    let owner = metadata.owner_references.iter().flatten().find(|owner| owner.controller == Some(true))?;
    let kind = OwnerKind::of(&owner.api_version, &owner.kind)?;
    Some(OwnerRef { kind, name: owner.name.as_str().into(), uid: owner.uid.as_str().into() })
}

fn of_template(namespace: &str, workload: String, template: Option<PodTemplateSpec>) -> Caller {
    let template = template.unwrap_or_default();
    Caller {
        namespace: namespace.into(),
        service_account: service_account(template.spec.as_ref()).into(),
        workload: workload.into(),
        pod: "".into(),
        labels: template.metadata.and_then(|m| m.labels).unwrap_or_default(),
    }
}

/// What the API server fills in for a pod that names none.
fn service_account(spec: Option<&PodSpec>) -> String {
    let named = spec.and_then(|spec| spec.service_account_name.clone()).filter(|name| !name.is_empty());
    named.unwrap_or_else(|| "default".to_owned())
}

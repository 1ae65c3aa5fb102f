//! Pods and workloads of the API server: who calls from them, and what they are part of.

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::batch::v1::{CronJob, Job};
use k8s_openapi::api::core::v1::{Pod, PodSpec, PodTemplateSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use sidegate_policy::Caller;

use super::Notes;
use super::cluster::Server;
use crate::failure::Failure;
use crate::who::{Subject, SubjectKind};

/// The label of pods that carry a sidecar.
const SIDECAR: (&str, &str) = ("sidegate.dev/injected", "true");

/// Who calls from `subject`.
pub async fn caller(server: &Server, namespace: &str, subject: &Subject, notes: &mut Notes) -> Result<Caller, Failure> {
    let name = &subject.name;
    let template = match subject.kind {
        SubjectKind::Pod => return of_pod(server, namespace, name, notes).await,
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

async fn of_pod(server: &Server, namespace: &str, name: &str, notes: &mut Notes) -> Result<Caller, Failure> {
    let pod = server.get::<Pod>(namespace, name).await?;
    let labels = pod.metadata.labels.clone().unwrap_or_default();
    if labels.get(SIDECAR.0).map(String::as_str) != Some(SIDECAR.1) {
        let (label, value) = SIDECAR;
        notes.say(format!(
            "the pod lacks the label {label}={value} of pods with a sidecar: this is what would hold if it had one"
        ));
    }
    let workload = match controller(&pod.metadata) {
        None => String::new(),
        Some(owner) => match of_owner(server, namespace, owner).await {
            Ok(workload) => workload,
            Err(failure) => {
                notes.hide(format!(
                    "{}/{} owns the pod and cannot be read ({}): policies that refer to a workload are missing",
                    owner.kind, owner.name, failure.message
                ));
                String::new()
            }
        },
    };
    Ok(Caller {
        namespace: namespace.into(),
        service_account: service_account(pod.spec.as_ref()).into(),
        workload: workload.into(),
        pod: name.into(),
        labels,
    })
}

/// The topmost workload above a pod's owner.
async fn of_owner(server: &Server, namespace: &str, owner: &OwnerReference) -> Result<String, Failure> {
    let name = &owner.name;
    Ok(match owner.kind.as_str() {
        "ReplicaSet" => {
            let set = server.get::<ReplicaSet>(namespace, name).await?;
            let above = controller(&set.metadata).filter(|above| above.kind == "Deployment");
            above.map(|above| format!("deployment/{}", above.name)).unwrap_or_default()
        }
        "Job" => job_workload(name, &server.get::<Job>(namespace, name).await?.metadata),
        "StatefulSet" => format!("statefulset/{name}"),
        "DaemonSet" => format!("daemonset/{name}"),
        _ => String::new(),
    })
}

fn job_workload(name: &str, metadata: &ObjectMeta) -> String {
    let above = controller(metadata).filter(|above| above.kind == "CronJob");
    above.map_or_else(|| format!("job/{name}"), |above| format!("cronjob/{}", above.name))
}

fn controller(metadata: &ObjectMeta) -> Option<&OwnerReference> {
    metadata.owner_references.iter().flatten().find(|owner| owner.controller == Some(true))
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

//! Who calls, as it is said on the command line: a pod or workload of the cluster, or files and the identity that a
//! pod would have.

use std::path::PathBuf;
use std::str::FromStr;

use sidegate_controller::index::Labels;
use sidegate_proxy::config::{Labels as LabelList, parse_labels};

/// Who calls, and where the objects are.
#[derive(Debug, Clone, clap::Args)]
pub struct Asking {
    /// A pod or workload of the cluster: pod/NAME, deployment/NAME, statefulset/NAME, daemonset/NAME, job/NAME,
    /// cronjob/NAME.
    #[arg(value_name = "KIND/NAME", required_unless_present = "filename", conflicts_with = "filename")]
    pub subject: Option<Subject>,
    /// Objects from a file, a directory, or - for what is piped in, instead of from a cluster; may be repeated.
    #[arg(short, long, value_name = "FILE", requires = "identity")]
    pub filename: Vec<PathBuf>,
    /// With files: the ServiceAccount of the calling pod, with its namespace.
    #[arg(long = "as", id = "identity", value_name = "NAMESPACE/SERVICEACCOUNT", requires = "filename")]
    pub identity: Option<Identity>,
    /// With files: what the calling pod is part of, as deployment/checkout.
    #[arg(long, value_name = "KIND/NAME", value_parser = workload, requires = "filename")]
    pub as_workload: Option<Subject>,
    /// With files: labels of the calling pod, as team=web,tier=gold.
    #[arg(long, value_name = "LABELS", value_parser = parse_labels, requires = "filename")]
    pub as_labels: Option<LabelList>,
    #[command(flatten)]
    pub cluster: Cluster,
}

/// Which cluster, and where in it.
#[derive(Debug, Clone, clap::Args)]
pub struct Cluster {
    /// Namespace of the pod or workload; by default the context's own.
    #[arg(short, long, value_name = "NAMESPACE", conflicts_with = "filename")]
    pub namespace: Option<String>,
    /// Context of the kubeconfig.
    #[arg(long, value_name = "NAME", conflicts_with = "filename")]
    pub context: Option<String>,
    /// The kubeconfig; by default as kubectl finds it, and inside a pod its ServiceAccount.
    #[arg(long, value_name = "FILE", conflicts_with = "filename")]
    pub kubeconfig: Option<PathBuf>,
    /// Namespace of the control plane: objects there are the cluster's.
    #[arg(long, value_name = "NAMESPACE", default_value = "sidegate-system")]
    pub control_namespace: String,
}

/// A kind of object that pods belong to, or a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubjectKind {
    /// A pod.
    Pod,
    /// A Deployment.
    Deployment,
    /// A StatefulSet.
    StatefulSet,
    /// A DaemonSet.
    DaemonSet,
    /// A Job.
    Job,
    /// A CronJob.
    CronJob,
}

impl SubjectKind {
    /// As it stands in a caller's workload.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pod => "pod",
            Self::Deployment => "deployment",
            Self::StatefulSet => "statefulset",
            Self::DaemonSet => "daemonset",
            Self::Job => "job",
            Self::CronJob => "cronjob",
        }
    }
}

/// A pod or workload by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// What it is.
    pub kind: SubjectKind,
    /// Its name.
    pub name: String,
}

impl FromStr for Subject {
    type Err = String;

    /// Reads `kind/name`, with the plurals and short names that kubectl knows.
    fn from_str(text: &str) -> Result<Self, String> {
        let wanted = "write KIND/NAME, where KIND is pod, deployment, statefulset, daemonset, job or cronjob";
        let (kind, name) = text.split_once('/').ok_or(wanted)?;
        let kind = match kind.to_ascii_lowercase().as_str() {
            "pod" | "pods" | "po" => SubjectKind::Pod,
            "deployment" | "deployments" | "deploy" => SubjectKind::Deployment,
            "statefulset" | "statefulsets" | "sts" => SubjectKind::StatefulSet,
            "daemonset" | "daemonsets" | "ds" => SubjectKind::DaemonSet,
            "job" | "jobs" => SubjectKind::Job,
            "cronjob" | "cronjobs" | "cj" => SubjectKind::CronJob,
            _ => return Err(wanted.to_owned()),
        };
        sidegate_crds::formats::object_name(name).map_err(|why| format!("the name {why}"))?;
        Ok(Self { kind, name: name.to_owned() })
    }
}

/// Reads a workload, which a pod is not.
fn workload(text: &str) -> Result<Subject, String> {
    match text.parse()? {
        Subject { kind: SubjectKind::Pod, .. } => Err("a pod is part of a workload, and is none".to_owned()),
        workload => Ok(workload),
    }
}

/// A ServiceAccount with its namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The namespace.
    pub namespace: String,
    /// The ServiceAccount.
    pub service_account: String,
}

impl FromStr for Identity {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (namespace, service_account) =
            text.split_once('/').ok_or("write NAMESPACE/SERVICEACCOUNT, for example shop/checkout")?;
        sidegate_crds::formats::label(namespace).map_err(|why| format!("the namespace {why}"))?;
        sidegate_crds::formats::object_name(service_account).map_err(|why| format!("the ServiceAccount {why}"))?;
        Ok(Self { namespace: namespace.to_owned(), service_account: service_account.to_owned() })
    }
}

impl Asking {
    /// Labels that were given.
    pub fn labels(&self) -> Labels {
        self.as_labels.as_ref().map(|labels| labels.0.clone()).unwrap_or_default()
    }
}

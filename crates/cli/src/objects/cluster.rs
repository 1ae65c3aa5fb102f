//! Objects from an API server, with the rights of whoever asks and nothing beyond: what RBAC hides is left out, and
//! the notes say so. Secrets are not asked for: a named credential counts as present, unless the provider's status
//! says otherwise.

mod server;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use sidegate_controller::Index;
use sidegate_crds::{AIPolicy, AIProvider, AIProviderSpec, CredentialState};

use super::{AUTHORITY, Gathered, Notes, empty_index, stand_in_secrets, workload};
use crate::failure::{FORBIDDEN, Failure, UNAVAILABLE};
use crate::who::{Cluster, Subject};

pub use server::{Server, configured};

/// Time for all that is asked of the API server.
const PATIENCE: Duration = Duration::from_secs(60);
/// Providers of other namespaces that are looked up by name.
const MOST_FOREIGN: usize = 64;

/// The objects that concern `subject`, and who calls from it.
pub(super) fn gather(subject: &Subject, cluster: &Cluster) -> Result<Gathered, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::new(UNAVAILABLE, error))?;
    let answer = runtime.block_on(async { tokio::time::timeout(PATIENCE, ask(subject, cluster)).await });
    let late = || Failure::new(UNAVAILABLE, format!("the API server did not answer within {PATIENCE:?}"));
    answer.map_err(|_| late())?
}

async fn ask(subject: &Subject, cluster: &Cluster) -> Result<Gathered, Failure> {
    let mut index = empty_index(&cluster.control_namespace)?;
    let (server, own) = Server::connect(cluster).await?;
    let namespace = cluster.namespace.clone().unwrap_or(own);
    let mut notes = Notes::default();
    let caller = workload::caller(&server, &namespace, subject, &mut index, &mut notes).await?;
    let (providers, policies) = listed(&server, &namespace, &cluster.control_namespace, &mut notes).await?;
    if select_namespaces(&providers, &policies) {
        labels(&server, &namespace, &mut index, &mut notes).await?;
    }
    let foreign = foreign(&server, &[&namespace, &cluster.control_namespace], &policies, &mut notes).await?;
    let providers: Vec<AIProvider> = providers.into_iter().chain(foreign).collect();
    stand_in(&providers, &mut index, &mut notes);
    authorities(&server, &providers, &mut index, &mut notes).await?;
    let named = |p: &AIProvider| {
        (p.metadata.namespace.clone().unwrap_or_default(), p.metadata.name.clone().unwrap_or_default())
    };
    let specs = providers.iter().map(|provider| (named(provider), provider.spec.clone())).collect();
    providers.into_iter().for_each(|provider| index.apply_provider(provider));
    policies.iter().for_each(|policy| index.apply_policy(policy));
    notes.say_refused(&index);
    Ok(Gathered { index, caller, specs, notes })
}

/// Whether labels of namespaces make a difference to any of these objects.
fn select_namespaces(providers: &[AIProvider], policies: &[AIPolicy]) -> bool {
    providers.iter().any(|provider| provider.spec.access.namespaces.selector.is_some())
        || policies.iter().any(|policy| policy.spec.namespace_selector.is_some())
}

/// The labels of the caller's namespace: they alone decide which selectors of namespaces select it.
async fn labels(server: &Server, name: &str, index: &mut Index, notes: &mut Notes) -> Result<(), Failure> {
    match server.get_cluster::<Namespace>(name).await {
        Ok(namespace) => index.apply_namespace(name, namespace.metadata.labels.unwrap_or_default()),
        Err(failure) if failure.code == FORBIDDEN => notes.hide(format!(
            "you may not read Namespace/{name}: what selects namespaces by label is judged by its name alone"
        )),
        Err(failure) => return Err(failure),
    }
    Ok(())
}

/// The objects that can concern a pod: those of its namespace and of the control plane's.
async fn listed(
    server: &Server,
    own: &str,
    control: &str,
    notes: &mut Notes,
) -> Result<(Vec<AIProvider>, Vec<AIPolicy>), Failure> {
    let (mut providers, mut policies, mut seen) = (Vec::new(), Vec::new(), false);
    for namespace in BTreeSet::from([own, control]) {
        let whose = if namespace == control { "the whole cluster" } else { "this namespace" };
        let listed = server.list::<AIProvider>(namespace, notes).await;
        seen |= kept(listed, &mut providers, notes, &format!("AIProviders in {namespace}: those of {whose}"))?;
        let listed = server.list::<AIPolicy>(namespace, notes).await;
        let what = format!("AIPolicies in {namespace}: the lists, routes and limits of {whose}");
        seen |= kept(listed, &mut policies, notes, &what)?;
    }
    if !seen {
        let message = format!("you may list neither AIProviders nor AIPolicies in {own} and {control}: no answer");
        return Err(Failure::new(FORBIDDEN, message));
    }
    Ok((providers, policies))
}

/// Keeps what was listed, and says whether it could be seen; what may not be seen is noted.
fn kept<K>(listed: Result<Vec<K>, Failure>, into: &mut Vec<K>, notes: &mut Notes, what: &str) -> Result<bool, Failure> {
    match listed {
        Ok(objects) => into.extend(objects),
        Err(failure) if failure.code == FORBIDDEN => {
            notes.hide(format!("you may not list {what} are missing from this answer"));
            return Ok(false);
        }
        Err(failure) => return Err(failure),
    }
    Ok(true)
}

/// Providers of other namespaces that routes name. They serve nobody else, but whether they exist makes a difference.
async fn foreign(
    server: &Server,
    listed: &[&str],
    policies: &[AIPolicy],
    notes: &mut Notes,
) -> Result<Vec<AIProvider>, Failure> {
    let targets = policies.iter().flat_map(|policy| &policy.spec.routes).flat_map(|route| &route.targets);
    let named = targets.filter_map(|target| Some((target.namespace.as_deref()?, target.provider.as_str())));
    let foreign: BTreeSet<(&str, &str)> = named.filter(|(namespace, _)| !listed.contains(namespace)).collect();
    let mut providers = Vec::new();
    for (namespace, name) in foreign.into_iter().take(MOST_FOREIGN) {
        match server.get::<AIProvider>(namespace, name).await {
            Ok(provider) => providers.push(provider),
            Err(failure) if failure.code == FORBIDDEN => notes.hide(format!(
                "you may not read AIProvider/{namespace}/{name}, which a route names: it counts as missing"
            )),
            Err(failure) if failure.missing => {}
            Err(failure) => return Err(failure),
        }
    }
    Ok(providers)
}

/// Takes every named credential as present, but for those that the provider's status calls missing or invalid.
fn stand_in(providers: &[AIProvider], index: &mut Index, notes: &mut Notes) {
    let mut absent: BTreeSet<(*const AIProviderSpec, &str)> = BTreeSet::new();
    for provider in providers {
        for credential in provider.status.iter().flat_map(|status| &status.credentials) {
            let name = provider.metadata.name.as_deref().unwrap_or_default();
            let (namespace, state) = (provider.metadata.namespace.as_deref().unwrap_or_default(), credential.state);
            let word = match state {
                CredentialState::Ready => continue,
                CredentialState::Missing => "missing",
                CredentialState::Invalid => "invalid",
                CredentialState::Rejected => "rejected by the provider",
            };
            let told =
                format!("the status of AIProvider/{namespace}/{name} calls credential {} {word}", credential.name);
            if state == CredentialState::Rejected {
                notes.say(format!("{told}: sidecars leave it alone for a while after each refusal"));
            } else {
                absent.insert((&raw const provider.spec, &credential.name));
                notes.say(told);
            }
        }
    }
    let specs = providers.iter().map(|p| (p.metadata.namespace.as_deref().unwrap_or_default(), &p.spec));
    let is_absent = |spec: &AIProviderSpec, name: &str| absent.contains(&(&raw const *spec, name));
    stand_in_secrets(specs, &is_absent).into_iter().for_each(|secret| index.apply_secret(secret));
}

/// The authorities that providers name: without them a provider serves nobody, so those that may not be read count as
/// present.
async fn authorities(
    server: &Server,
    providers: &[AIProvider],
    index: &mut Index,
    notes: &mut Notes,
) -> Result<(), Failure> {
    let mut wanted: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
    for provider in providers {
        let namespace = provider.metadata.namespace.as_deref().unwrap_or_default();
        for reference in provider.spec.tls.iter().flat_map(|tls| &tls.ca_certificate_refs) {
            wanted.entry((namespace, &reference.name)).or_default().insert(&reference.key);
        }
    }
    for ((namespace, name), keys) in wanted {
        match server.get::<ConfigMap>(namespace, name).await {
            Ok(map) => index.apply_config_map(namespace, name, map.data.unwrap_or_default()),
            Err(failure) if failure.code == FORBIDDEN => {
                let data = keys.into_iter().map(|key| (key.to_owned(), AUTHORITY.to_owned())).collect();
                index.apply_config_map(namespace, name, data);
                notes.say(format!("you may not read ConfigMap/{namespace}/{name}: its authorities count as present"));
            }
            Err(failure) if failure.missing => {}
            Err(failure) => return Err(failure),
        }
    }
    Ok(())
}

//! Objects from files, by the reader of the control plane that runs without a cluster.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use sidegate_controller::index::ConfigData;
use sidegate_controller::source::files::{Files, LARGEST_FILE, Object};
use sidegate_controller::{Index, Severity};
use sidegate_crds::AIProviderSpec;
use sidegate_policy::Caller;
use zeroize::Zeroizing;

use super::{AUTHORITY, Gathered, Notes, empty_index, stand_in_secrets};
use crate::failure::{Failure, NO_INPUT, USAGE};
use crate::who;

/// Reads files, directories, and with `-` what is piped in.
///
/// # Errors
/// When one of them cannot be read.
pub fn read(named: &[PathBuf]) -> Result<Files, Failure> {
    let (piped, paths): (Vec<&PathBuf>, Vec<&PathBuf>) =
        named.iter().partition(|path| path.as_path() == Path::new("-"));
    let mut text = Zeroizing::new(String::new());
    if !piped.is_empty() {
        // One byte more than a file may have, so that a longer one is told from one that just fits.
        let read = std::io::stdin().lock().take(LARGEST_FILE + 1).read_to_string(&mut text);
        read.map_err(|error| Failure::new(NO_INPUT, format!("cannot read what is piped in: {error}")))?;
    }
    let paths: Vec<PathBuf> = paths.into_iter().cloned().collect();
    let piped = (!piped.is_empty()).then_some(text.as_str());
    Files::once(&paths, piped).map_err(|error| Failure::new(NO_INPUT, error))
}

/// The objects of files, and the caller that the flags describe.
pub(super) fn gather(who: &who::Asking) -> Result<Gathered, Failure> {
    let Some(identity) = &who.identity else {
        return Err(Failure::new(USAGE, "name a pod or workload, or files with --as NAMESPACE/SERVICEACCOUNT"));
    };
    let files = read(&who.filename)?;
    let mut index = empty_index(&who.cluster.control_namespace)?;
    files.apply_to(&mut index);
    let mut notes = assume(&files, &mut index);
    let broken = files.listing().problems.iter().filter(|p| p.severity == Severity::Error).count();
    notes.say_refused(&index);
    if broken > 0 {
        notes.say(format!("{broken} documents cannot be read and are not in this answer: sidegate check names them"));
    }
    let caller = Caller {
        namespace: identity.namespace.as_str().into(),
        service_account: identity.service_account.as_str().into(),
        workload: who
            .as_workload
            .as_ref()
            .map(|w| format!("{}/{}", w.kind.as_str(), w.name))
            .unwrap_or_default()
            .into(),
        pod: "".into(),
        labels: who.labels(),
    };
    let specs =
        providers(&files).map(|(namespace, name, spec)| ((namespace.into(), name.into()), spec.clone())).collect();
    Ok(Gathered { index, caller, specs, notes })
}

/// Namespace, name and content of every provider.
fn providers(files: &Files) -> impl Iterator<Item = (&str, &str, &AIProviderSpec)> {
    files.listing().objects.iter().filter_map(|(name, object)| match object {
        Object::Provider(spec) => Some((&*name.namespace, &*name.name, &**spec)),
        _ => None,
    })
}

/// Puts stand-ins where the files hold none of a kind: then it is kept elsewhere, and not forgotten.
fn assume(files: &Files, index: &mut Index) -> Notes {
    let objects = &files.listing().objects;
    let mut notes = Notes::default();
    if !objects.iter().any(|(_, object)| matches!(object, Object::Secret(_))) {
        let specs = providers(files).map(|(namespace, _, spec)| (namespace, spec));
        let secrets = stand_in_secrets(specs, &|_, _| false);
        if !secrets.is_empty() {
            notes.say("no Secret is among the files: every named credential is taken as present".to_owned());
        }
        secrets.into_iter().for_each(|secret| index.apply_secret(secret));
    }
    if !objects.iter().any(|(_, object)| matches!(object, Object::ConfigMap(_))) {
        let mut maps: BTreeMap<(&str, &str), ConfigData> = BTreeMap::new();
        for (namespace, _, spec) in providers(files) {
            for reference in spec.tls.iter().flat_map(|tls| &tls.ca_certificate_refs) {
                let map = maps.entry((namespace, &reference.name)).or_default();
                map.insert(reference.key.clone(), AUTHORITY.to_owned());
            }
        }
        if !maps.is_empty() {
            notes.say("no ConfigMap is among the files: every named authority is taken as present".to_owned());
        }
        maps.into_iter().for_each(|((namespace, name), data)| index.apply_config_map(namespace, name, data));
    }
    notes
}

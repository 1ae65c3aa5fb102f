//! Stand-ins for what is not read: the keys of Secrets, always, and authorities of ConfigMaps that cannot be seen.
//!
//! They make a named credential count as present. They leave this process in no form: an answer shows names alone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use sidegate_controller::secret::{Secret, SecretValue};
use sidegate_crds::AIProviderSpec;

/// What stands for a certificate in PEM.
pub const AUTHORITY: &str = "-----BEGIN CERTIFICATE-----\nnot read\n-----END CERTIFICATE-----\n";

/// A Secret for each that the credentials of these providers name, but for the credentials that `absent` names.
pub fn stand_in_secrets<'a>(
    providers: impl Iterator<Item = (&'a str, &'a AIProviderSpec)>,
    absent: &dyn Fn(&AIProviderSpec, &str) -> bool,
) -> Vec<Secret> {
    let mut wanted: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
    for (namespace, spec) in providers {
        for credential in spec.credentials.iter().filter(|c| !absent(spec, &c.name)) {
            let reference = &credential.secret_ref;
            wanted.entry((namespace, &reference.name)).or_default().insert(&reference.key);
        }
    }
    let secret = |((namespace, name), keys): ((&str, &str), BTreeSet<&str>)| {
        let value = |key: &str| (key.to_owned(), SecretValue::read(b"not-read").map(Arc::new));
        Secret {
            namespace: namespace.into(),
            name: name.into(),
            hosts: None,
            keys: keys.into_iter().map(value).collect(),
        }
    };
    wanted.into_iter().map(secret).collect()
}

//! The epoch of a cluster: one number in a ConfigMap of the control plane's namespace.
//!
//! It is made as 1 where it is missing, and nothing here ever raises it: whoever restores a cluster from a backup
//! does, so that sidecars take older policies again. It is read once, at the start.

use std::collections::BTreeMap;

use ::kube::api::PostParams;
use ::kube::{Api, Client};
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::trouble::Trouble;

/// Name of the ConfigMap.
const NAME: &str = "sidegate-epoch";
/// Its key.
const KEY: &str = "epoch";
/// The epoch of a cluster that was never restored.
const FIRST: u64 = 1;

/// Reads the epoch, or makes the first one.
pub(super) async fn read(client: &Client, namespace: &str) -> Result<u64, Trouble> {
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
    if let Some(map) = maps.get_opt(NAME).await.map_err(|e| Trouble::of(&e))? {
        return number(&map, namespace);
    }
    let first = ConfigMap {
        metadata: ObjectMeta { name: Some(NAME.to_owned()), ..ObjectMeta::default() },
        data: Some(BTreeMap::from([(KEY.to_owned(), FIRST.to_string())])),
        ..ConfigMap::default()
    };
    match maps.create(&PostParams::default(), &first).await {
        Ok(map) => number(&map, namespace),
        // Another replica was faster.
        Err(kube::Error::Api(status)) if status.is_already_exists() => {
            number(&maps.get(NAME).await.map_err(|e| Trouble::of(&e))?, namespace)
        }
        Err(error) => Err(Trouble::of(&error)),
    }
}

fn number(map: &ConfigMap, namespace: &str) -> Result<u64, Trouble> {
    let text = map.data.as_ref().and_then(|data| data.get(KEY)).map(|text| text.trim());
    text.and_then(|text| text.parse().ok()).filter(|epoch| *epoch > 0).ok_or_else(|| {
        Trouble::Refused(format!(
            "ConfigMap {namespace}/{NAME} has no whole number above 0 under {KEY}: write it there"
        ))
    })
}

//! The way to the API server: as the flags say, else as kubectl would find it, else as a pod does.

use std::path::Path;

use ::kube::config::{KubeConfigOptions, Kubeconfig};
use ::kube::{Client, Config};
use thiserror::Error;

/// No way to an API server; a sentence for whoever starts the program.
#[derive(Debug, Error)]
#[error("{0}; name one with --kubeconfig and --context, or read files with --from-files")]
pub struct NoCluster(String);

/// A client of the API server, without asking it anything yet.
///
/// # Errors
/// [`NoCluster`].
pub async fn connect(kubeconfig: Option<&Path>, context: Option<&str>) -> Result<Client, NoCluster> {
    let options = KubeConfigOptions { context: context.map(str::to_owned), ..KubeConfigOptions::default() };
    let mut config = match kubeconfig {
        Some(path) => {
            let shown = path.display();
            let read = Kubeconfig::read_from(path).map_err(|e| NoCluster(format!("cannot read {shown}: {e}")))?;
            Config::from_custom_kubeconfig(read, &options)
                .await
                .map_err(|e| NoCluster(format!("cannot use {shown}: {e}")))?
        }
        None if context.is_some() => {
            Config::from_kubeconfig(&options).await.map_err(|e| NoCluster(format!("cannot use the kubeconfig: {e}")))?
        }
        None => Config::infer().await.map_err(|e| NoCluster(format!("found no cluster: {e}")))?,
    };
    // A watch waits by its own rules, and waits are counted once.
    config.default_retry = false;
    Client::try_from(config).map_err(|e| NoCluster(format!("cannot use the cluster's configuration: {e}")))
}

//! Where the programs are: the only place here that reads the environment.

use std::path::PathBuf;

use aws_lc_rs::digest;

/// What the programs are built from, in the order in which `make kube-assets` reads it.
const SOURCES: [&[u8]; 3] = [include_bytes!("../go.mod"), include_bytes!("../go.sum"), include_bytes!("../main.go")];

#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
fn variable(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// The directory of `kube-apiserver`, `etcd` and, unless it is somebody else's, `kubectl`.
///
/// # Panics
/// When they are not there, with the way to get them.
#[must_use]
pub fn assets() -> PathBuf {
    let given = variable("KUBEBUILDER_ASSETS");
    let directory = given.unwrap_or_else(|| cache().join("sidegate/kube").join(digest()));
    for program in ["kube-apiserver", "etcd"] {
        let path = directory.join(program);
        assert!(
            path.is_file(),
            "{} is not there: run `make kube-assets`, which builds it once and keeps it in the cache, or name the \
             directory of your own kube-apiserver and etcd in KUBEBUILDER_ASSETS",
            path.display()
        );
    }
    directory
}

/// `prometheus` or `promtool`.
///
/// # Panics
/// When it is not there, with the way to get it.
#[must_use]
pub fn prometheus(program: &str) -> PathBuf {
    let beside = |prometheus: PathBuf| prometheus.with_file_name(program);
    let path = variable("PATH").unwrap_or_default();
    let in_path = || std::env::split_paths(&path).map(|directory| directory.join("prometheus")).find(|p| p.is_file());
    let cached = || cache().join("sidegate/prometheus/prometheus");
    let path = beside(variable("PROMETHEUS").or_else(in_path).unwrap_or_else(cached));
    assert!(
        path.is_file(),
        "{} is not there: run `make prometheus-assets`, which unpacks Debian's into the cache, or name the program in \
         PROMETHEUS, with promtool beside it",
        path.display()
    );
    path
}

fn cache() -> PathBuf {
    let cache = variable("XDG_CACHE_HOME").or_else(|| variable("HOME").map(|home| home.join(".cache")));
    cache.expect("neither XDG_CACHE_HOME nor HOME is set")
}

/// Sixteen hexadecimal digits that change with the sources.
fn digest() -> String {
    let digest = digest::digest(&digest::SHA256, &SOURCES.concat());
    digest.as_ref()[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

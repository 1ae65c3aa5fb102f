//! A directory of the YAML that kubectl would apply, written by a test and gone with it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// Counts the directories of this process.
static MADE: AtomicU32 = AtomicU32::new(0);

/// A directory of its own for a test.
pub struct Folder(PathBuf);

impl Folder {
    /// An empty one.
    ///
    /// # Panics
    /// When the system has no room for it.
    #[must_use]
    pub fn new(what: &str) -> Self {
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("sidegate-test-{}-{number}-{what}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        Self(path)
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a file as an editor does that saves in place.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.0.join(name);
        fs::write(&path, text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    }

    /// Removes a file.
    ///
    /// # Panics
    /// When it is not there.
    pub fn remove(&self, name: &str) {
        let path = self.0.join(name);
        fs::remove_file(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The provider `openai` with the key `main` of the Secret `openai`, for every namespace; what it serves is `gpt-4o*`.
pub const OPENAI: &str = r#"
apiVersion: sidegate.dev/v1alpha1
kind: AIProvider
metadata: {name: openai, namespace: sidegate-system}
spec:
  dialect: OpenAI
  endpoint: http://openai.test/v1
  network: {plaintext: true, privateAddresses: true}
  credentials:
  - {name: main, secretRef: {name: openai, key: key}}
  access: {namespaces: {from: All}}
  models:
  - {name: "gpt-4o*", contextWindow: 128000, maxOutputTokens: 16384, price: {input: "0.15", output: "0.60"}}
"#;

/// The provider `own`, which speaks Anthropic's dialect and needs no key.
pub const KEYLESS: &str = r#"
apiVersion: sidegate.dev/v1alpha1
kind: AIProvider
metadata: {name: own, namespace: sidegate-system}
spec:
  dialect: Anthropic
  endpoint: http://own.test
  access: {namespaces: {from: All}}
"#;

/// A policy for the whole cluster that denies `denied`.
#[must_use]
pub fn denying(denied: &str) -> String {
    format!(
        r#"
apiVersion: sidegate.dev/v1alpha1
kind: AIPolicy
metadata: {{name: cluster, namespace: sidegate-system}}
spec:
  models: {{deny: ["{denied}"]}}
"#
    )
}

/// The Secret `openai` with that value, as YAML writes any text.
#[must_use]
pub fn secret(value: &str) -> String {
    let value = serde_json::Value::from(value);
    format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{name: openai, namespace: sidegate-system}}\nstringData:\n  key: {value}\n"
    )
}

/// The quickest start: the provider `openai` and its key, which the simulator knows as `a`.
#[must_use]
pub fn simple() -> Folder {
    let folder = Folder::new("objects");
    folder.write("provider.yaml", OPENAI);
    folder.write("secret.yaml", secret("sim-key-a"));
    folder
}

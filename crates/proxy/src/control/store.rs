//! The last good policy on disk, as it was received, so that a sidecar starts while the control plane is
//! away. Never a key.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use sidegate_wire::MAX_SNAPSHOT_BYTES;
use sidegate_wire::v1::Policy;
use tonic::codegen::Bytes;

/// Largest file that is read back.
const MAX_FILE: u64 = MAX_SNAPSHOT_BYTES as u64 + 64 * 1024;

/// A directory that holds one policy.
#[derive(Debug, Clone)]
pub struct Store {
    directory: PathBuf,
}

impl Store {
    /// The store in `directory`, which is made if it is not there.
    ///
    /// # Errors
    /// When nothing can be written there.
    pub fn open(directory: &Path) -> io::Result<Self> {
        fs::create_dir_all(directory)?;
        let probe = directory.join(".probe");
        fs::write(&probe, b"")?;
        fs::remove_file(&probe)?;
        Ok(Self { directory: directory.to_owned() })
    }

    /// The stored policy; none if there is none that can be read.
    #[must_use]
    pub fn load(&self) -> Option<Policy> {
        let path = self.path();
        if fs::metadata(&path).ok()?.len() > MAX_FILE {
            return None;
        }
        prost::Message::decode(Bytes::from(fs::read(path).ok()?)).ok()
    }

    /// Stores a policy in the place of the last one, never half of it.
    ///
    /// # Errors
    /// Of the file system.
    pub fn save(&self, policy: &Policy) -> io::Result<()> {
        let new = self.directory.join("policy.new");
        let mut file = fs::File::create(&new)?;
        file.write_all(&prost::Message::encode_to_vec(policy))?;
        file.sync_all()?;
        fs::rename(new, self.path())
    }

    fn path(&self) -> PathBuf {
        self.directory.join("policy.pb")
    }
}

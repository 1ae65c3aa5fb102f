//! Under which name the program was called. As `kubectl-sidegate` it is the plugin that `kubectl sidegate` runs, and as
//! `kubectl_complete-sidegate` what kubectl asks for completions of it. It does the same under each name; only what it
//! says about how to call it differs.

use std::ffi::OsString;
use std::path::Path;

/// What the program was called as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// By itself.
    Alone,
    /// By kubectl.
    Plugin,
    /// By kubectl, for completions.
    Completer,
}

/// Every word of the command line, the program's name first.
pub fn words() -> Vec<OsString> {
    std::env::args_os().collect()
}

/// What the program was called as.
pub fn program() -> Program {
    let first = words().into_iter().next().unwrap_or_default();
    let name = Path::new(&first).file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    match name.as_str() {
        "kubectl-sidegate" => Program::Plugin,
        "kubectl_complete-sidegate" => Program::Completer,
        _ => Program::Alone,
    }
}

impl Program {
    /// The command with the name under which people call it.
    pub fn dress(self, command: clap::Command) -> clap::Command {
        match self {
            Self::Alone => command,
            Self::Plugin | Self::Completer => command.bin_name("kubectl sidegate").display_name("kubectl-sidegate"),
        }
    }
}

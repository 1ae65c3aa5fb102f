//! Compiles `proto/` without a protoc, so that a checkout and a Rust toolchain are all that a build needs.

use std::error::Error;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../proto");
    println!("cargo:rerun-if-changed={}", root.display());
    let files = ["snapshot", "control", "live"].map(|f| root.join(format!("sidegate/v1/{f}.proto")));
    let descriptors = protox::compile(files, [&root])?;
    // What holds a key, or holds what holds a key, cannot be printed.
    let keys = ["Credential", "Credentials", "ControlMessage", "ControlMessage.message"];
    tonic_prost_build::configure()
        .skip_debug(keys.map(|m| format!(".sidegate.v1.{m}")))
        .bytes(".")
        .btree_map(".")
        .compile_fds(descriptors)?;
    Ok(())
}

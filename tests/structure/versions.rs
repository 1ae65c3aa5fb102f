//! Versions of dependencies that must not fall below the mend of a known flaw, and features that must stay off.

use super::{cargo, read};

/// Package, least version, and what was wrong before it.
const FLOORS: [(&str, &str, &str); 9] = [
    ("h2", "0.4.20", "RUSTSEC-2026-0258: empty DATA frames queued without limit"),
    ("hyper", "1.8.0", "request smuggling by Transfer-Encoding and Content-Length"),
    ("tonic", "0.12.3", "RUSTSEC-2024-0376: one failed accept ended the server"),
    ("rustls", "0.23.18", "RUSTSEC-2024-0336 and -0399: endless loop, panic in the acceptor"),
    ("rustls-webpki", "0.103.13", "RUSTSEC-2026-0049, -0098, -0099, -0104: revocation and name constraints"),
    ("bytes", "1.11.1", "RUSTSEC-2026-0007: integer overflow"),
    ("crossbeam-channel", "0.5.15", "RUSTSEC-2025-0024: double free"),
    ("ring", "0.17.12", "RUSTSEC-2025-0009: panic in AES"),
    ("time", "0.3.47", "RUSTSEC-2026-0009: stack exhaustion"),
];

/// The versions of a package in the lock file; it may stand there more than once, or not at all.
fn locked(package: &str) -> Vec<String> {
    let lock = read("Cargo.lock");
    let entry = format!("[[package]]\nname = \"{package}\"\nversion = \"");
    lock.split(entry.as_str()).skip(1).filter_map(|rest| rest.split('"').next()).map(str::to_owned).collect()
}

fn numbers(version: &str) -> Vec<u64> {
    let release = version.split(['-', '+']).next().unwrap_or_default();
    release.split('.').map(|part| part.parse().expect("a number in a version")).collect()
}

#[test]
fn no_dependency_is_older_than_the_mend_of_its_flaw() {
    for (package, floor, flaw) in FLOORS {
        for version in locked(package) {
            assert!(numbers(&version) >= numbers(floor), "{package} {version} is below {floor}: {flaw}");
        }
    }
}

#[test]
fn the_lock_file_is_read_as_it_is_written() {
    for package in ["h2", "hyper", "tonic", "rustls", "rustls-webpki", "bytes"] {
        assert!(!locked(package).is_empty(), "{package} is not in Cargo.lock");
    }
    assert!(numbers("0.4.9") < numbers("0.4.20"));
}

/// RUSTSEC-2026-0118: an endless loop in the validation of NSEC3, without a mended version.
#[test]
fn names_are_resolved_without_dnssec_validation() {
    let tree =
        cargo(&["tree", "--locked", "-p", "sidegate-proxy", "-e", "normal", "--prefix", "none", "-f", "{p} {f}"]);
    let resolver: Vec<&str> = tree.lines().filter(|line| line.starts_with("hickory-")).collect();
    assert!(!resolver.is_empty(), "no resolver is built in");
    assert!(resolver.iter().all(|line| !line.contains("dnssec")), "{resolver:?}");
}

/// What OpenTelemetry's exporters log has the words of their back-end in it.
#[test]
fn the_exporters_of_opentelemetry_are_built_without_their_log() {
    let tree = cargo(&["tree", "--locked", "--workspace", "-e", "normal", "--prefix", "none", "-f", "{p} {f}"]);
    let theirs: Vec<&str> = tree.lines().filter(|line| line.starts_with("opentelemetry")).collect();
    assert!(theirs.iter().any(|line| line.starts_with("opentelemetry-otlp ")), "{theirs:?}");
    assert!(theirs.iter().all(|line| !line.contains("internal-logs")), "{theirs:?}");
}

/// One implementation of cryptography: what is patched is patched everywhere.
#[test]
fn only_one_implementation_of_tls_and_cryptography_is_built() {
    let tree = cargo(&["tree", "--locked", "--workspace", "-e", "normal,build", "--prefix", "none", "-f", "{p}"]);
    let packages: Vec<&str> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(packages.contains(&"rustls") && packages.contains(&"aws-lc-rs"));
    for other in ["ring", "openssl", "openssl-sys", "native-tls", "boring", "s2n-tls"] {
        assert!(!packages.contains(&other), "{other} is built");
    }
}

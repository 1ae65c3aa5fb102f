//! What a server and its administrator show each other, made anew for each server: a certificate for 127.0.0.1, the
//! key that signs ServiceAccount tokens, and the administrator's token.

use std::path::Path;

use aws_lc_rs::rand;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose};
use serde_json::json;

/// The files of one server, by the names below.
pub const AUTHORITY: &str = "authority.crt";
pub const CERTIFICATE: &str = "server.crt";
pub const KEY: &str = "server.key";
pub const TOKENS: &str = "tokens.csv";
pub const ACCOUNT_KEY: &str = "accounts.key";
pub const ACCOUNT_PUBLIC_KEY: &str = "accounts.pub";

/// What a client needs to be the administrator.
pub struct Identity {
    /// The authority's certificate, in PEM.
    pub authority: String,
    /// The same, in DER.
    pub authority_der: Vec<u8>,
    /// The administrator's token.
    pub token: String,
}

impl Identity {
    /// Makes it all and writes the server's part into `directory`.
    pub fn make(directory: &Path) -> Self {
        let write = |name: &str, text: String| {
            std::fs::write(directory.join(name), text).expect("a file in a temporary directory");
        };
        let pair = || KeyPair::generate().expect("a key pair");
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "tests");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let authority = CertifiedIssuer::self_signed(params, pair()).expect("an authority");
        let names = ["127.0.0.1", "localhost", "kubernetes.default.svc"].map(String::from);
        let key = pair();
        let leaf = CertificateParams::new(names).expect("names of a certificate");
        let leaf = leaf.signed_by(&key, &authority).expect("a certificate");
        write(AUTHORITY, authority.pem());
        write(CERTIFICATE, leaf.pem());
        write(KEY, key.serialize_pem());
        let accounts = pair();
        write(ACCOUNT_KEY, accounts.serialize_pem());
        write(ACCOUNT_PUBLIC_KEY, accounts.public_key_pem());
        let mut random = [0; 16];
        rand::fill(&mut random).expect("random bytes");
        let token: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        write(TOKENS, format!("{token},admin,admin,system:masters\n"));
        Self { authority: authority.pem(), authority_der: authority.der().to_vec(), token }
    }

    /// A kubeconfig of the server at `url` for the administrator. It is JSON, which is YAML too.
    pub fn kubeconfig(&self, url: &str, directory: &Path) -> String {
        json!({
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "tests",
            "clusters": [{"name": "tests", "cluster": {
                "server": url, "certificate-authority": directory.join(AUTHORITY),
            }}],
            "users": [{"name": "admin", "user": {"token": self.token}}],
            "contexts": [{"name": "tests", "context": {"cluster": "tests", "user": "admin"}}],
        })
        .to_string()
    }
}

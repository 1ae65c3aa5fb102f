//! What the API server checks of an endpoint, in CEL.
//!
//! The same as the reading in the module above, as far as a rule sees it: lists of metadata services and forms of
//! hosts stand here again as regular expressions, and a test over the real server holds the two together. A URL
//! library would be easier to read, but the server estimates its cost a hundred times over the budget.

use kube::core::Rule;

use super::{ENCRYPTED, FORM, NAMED_HOST, NO_METADATA, PLAIN_PATH, PUBLIC, SAME};

/// Where a host ends.
const END: &str = "(:|/|$)";
const LABEL: &str = "[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?";
const OCTET: &str = "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])";
/// 1 to 65535.
const PORT: &str = "0{0,3}([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])";
const METADATA_NAMES: &str =
    r"metadata|metadata\.google\.internal|metadata\.goog|metadata\.azure\.internal|instance-data(\.ec2\.internal)?";
/// Link-local, multicast, unspecified, and fixed addresses of clouds.
const METADATA_V4: &str = r"169\.254\.[0-9]+\.[0-9]+|2(2[4-9]|3[0-9])(\.[0-9]+){3}|0\.0\.0\.0|100\.100\.100\.200|168\.63\.129\.16|192\.0\.0\.192";
/// The same for IPv6, and then those of IPv4 behind NAT64's well-known prefix.
const METADATA_V6: [&str; 10] = [
    "fe80::/10",
    "ff00::/8",
    "::/128",
    "fd00:ec2::254/128",
    "64:ff9b::a9fe:0/112",
    "64:ff9b::e000:0/100",
    "64:ff9b::/128",
    "64:ff9b::6464:64c8/128",
    "64:ff9b::a83f:8110/128",
    "64:ff9b::c000:c0/128",
];
/// The text between brackets, where the host has them.
const BRACKETED: &str = "self.split('[')[1].split(']')[0]";
const IN_BRACKETS: &str = r#"self.matches(r"^https?://\[")"#;
const KEYLESS: &str = "!has(self.credentials) || self.credentials.size() == 0";
const WAS_KEYLESS: &str = "!has(oldSelf.credentials) || oldSelf.credentials.size() == 0";

/// Scheme, host, perhaps port and path; printable, and without user, query, fragment and escapes.
pub(in crate::provider) fn form() -> Rule {
    let host = r"(\[[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*\]|[!\x22$&-.0-9;->A-Z^-~]{0,253})";
    let path = r"(/[!\x22$&-/0->@-\[\]-~]*)?";
    Rule::new(format!(r#"self.matches(r"^https?://{host}(:{PORT})?{path}$")"#)).message(FORM)
}

pub(in crate::provider) fn plain_path() -> Rule {
    Rule::new(r#"!self.matches(r"^https?://.*(//|/\.\.?(/|$))")"#).message(PLAIN_PATH)
}

/// Resolvers read 2852039166, 0xa9fea9fe and 169.254.43518 as addresses; no name ends so.
pub(in crate::provider) fn named_host() -> Rule {
    let address = format!(r#"self.matches(r"^https?://({OCTET}\.){{3}}{OCTET}{END}")"#);
    let name = format!(r#"self.matches(r"^https?://{LABEL}(\.{LABEL})*\.?{END}")"#);
    let numeric = format!(r#"self.matches(r"^https?://([^/:]*\.)?([0-9]+|0[xX][0-9A-Fa-f]*)\.?{END}")"#);
    Rule::new(format!("{IN_BRACKETS} ? isIP({BRACKETED}) : {address} || ({name} && !{numeric})")).message(NAMED_HOST)
}

pub(in crate::provider) fn no_metadata() -> Rule {
    let plain = format!(r#"!self.matches(r"(?i)^https?://(({METADATA_NAMES})\.?|{METADATA_V4}){END}")"#);
    let list = METADATA_V6.map(|range| format!("'{range}'")).join(", ");
    let bracketed = format!("!(isIP({BRACKETED}) && [{list}].exists(r, cidr(r).containsIP({BRACKETED})))");
    Rule::new(format!("{IN_BRACKETS} ? {bracketed} : {plain}")).message(NO_METADATA)
}

pub(in crate::provider) fn encrypted() -> Rule {
    let plain = "self.endpoint.startsWith('http://')";
    let rule = format!("{KEYLESS} || !has(self.endpoint) || !{plain} || self.network.plaintext");
    Rule::new(rule).message(ENCRYPTED).field_path(".endpoint")
}

pub(in crate::provider) fn public() -> Rule {
    let literal = format!(r"(?i)^https?://(\[|[0-9.]+{END}|([^/:]*\.)?localhost\.?{END})");
    let literal = format!(r#"self.endpoint.matches(r"{literal}")"#);
    let rule = format!("{KEYLESS} || !has(self.endpoint) || !{literal} || self.network.privateAddresses");
    Rule::new(rule).message(PUBLIC).field_path(".endpoint")
}

pub(in crate::provider) fn same_dialect() -> Rule {
    Rule::new(format!("{WAS_KEYLESS} || self.dialect == oldSelf.dialect")).message(SAME).field_path(".dialect")
}

pub(in crate::provider) fn same_host() -> Rule {
    let given = "has(self.endpoint) == has(oldSelf.endpoint)";
    let host = "self.endpoint.split('/').size() > 2 && self.endpoint.split('/')[2] == oldSelf.endpoint.split('/')[2]";
    let rule = format!("{WAS_KEYLESS} || ({given} && (!has(self.endpoint) || ({host})))");
    Rule::new(rule).message(format!("its host {SAME}").as_str()).field_path(".endpoint")
}

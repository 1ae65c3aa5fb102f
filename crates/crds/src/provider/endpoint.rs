//! Endpoints: the URL's form, and which hosts a key may be sent to.
//!
//! An author is refused early and in words; the sidecar filters the addresses that names resolve to again when it
//! connects, because a name may resolve to anything. Messages never repeat the URL: a password may stand in it.
//!
//! Each check stands here twice, as the API server runs it and as the control plane does, with the same words.

mod rules;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use sidegate_policy::Endpoint;

use super::DialectName;

pub(super) use rules::{encrypted, form, named_host, no_metadata, plain_path, public, same_dialect, same_host};

/// Names under which clouds serve instance metadata, which hold keys of their own.
const METADATA_NAMES: [&str; 6] = [
    "metadata",
    "metadata.google.internal",
    "metadata.goog",
    "instance-data",
    "instance-data.ec2.internal",
    "metadata.azure.internal",
];
/// Fixed metadata addresses outside of the link-local ranges.
const METADATA_ADDRESSES: [IpAddr; 4] = [
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
    IpAddr::V4(Ipv4Addr::new(192, 0, 0, 192)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0254)),
];

/// What is said of a URL that is none.
const FORM: &str = "must be a URL such as https://api.example.com/v1: http or https, a host, perhaps a port and a \
                    path; no user, query or fragment";
const PLAIN_PATH: &str = "must have a plain path, without // and dots between slashes";
const NAMED_HOST: &str = "must have a host that is a DNS name or a plain address";
const NO_METADATA: &str = "must not be a metadata service or a link-local address; these hold keys of their own";
/// What is said of a key that would travel in the open.
pub(super) const ENCRYPTED: &str = "must be https while there are credentials, unless spec.network.plaintext is true";
/// What is said of a key that would stay inside.
pub(super) const PUBLIC: &str = "must not be localhost or an address while there are credentials, unless \
                                 spec.network.privateAddresses is true";
/// What is said of a key that would go elsewhere.
pub(super) const SAME: &str = "cannot change while there are credentials, lest keys go elsewhere; delete the object \
                               and create it anew";

/// What kind of place a host names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HostKind {
    /// A name that DNS has to resolve.
    Name,
    /// `localhost` or an address literal.
    Literal,
}

/// The base URL that a dialect's inventor serves.
pub(super) fn default_for(dialect: DialectName) -> &'static str {
    match dialect {
        DialectName::OpenAI => "https://api.openai.com/v1",
        DialectName::Anthropic => "https://api.anthropic.com",
        DialectName::Gemini => "https://generativelanguage.googleapis.com",
    }
}

/// Reads a base URL: scheme, host, perhaps port and path; no user, query or fragment.
pub(super) fn read(url: &str) -> Result<(Endpoint, HostKind), &'static str> {
    let (tls, rest) = match (url.strip_prefix("https://"), url.strip_prefix("http://")) {
        (Some(rest), _) => (true, rest),
        (None, Some(rest)) => (false, rest),
        (None, None) => return Err(FORM),
    };
    let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    let printable = url.bytes().all(|b| b.is_ascii_graphic());
    if url.len() > 512 || !printable || url.contains(['?', '#', '\\', '%']) || authority.contains('@') {
        return Err(FORM);
    }
    if path.split('/').any(|part| part == "." || part == "..") || path.contains("//") {
        return Err(PLAIN_PATH);
    }
    let (host, port) = split_port(authority).ok_or(FORM)?;
    let (host, kind) = read_host(&host)?;
    let port = port.unwrap_or(if tls { 443 } else { 80 });
    let endpoint = Endpoint { tls, host: host.into(), port, path: path.trim_end_matches('/').into() };
    Ok((endpoint, kind))
}

/// Host without brackets, and port.
fn split_port(authority: &str) -> Option<(String, Option<u16>)> {
    let (host, port) = if let Some(rest) = authority.strip_prefix('[') {
        let (host, port) = rest.split_once(']')?;
        host.parse::<Ipv6Addr>().ok()?;
        (host, if port.is_empty() { None } else { Some(port.strip_prefix(':')?) })
    } else {
        authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port)))
    };
    let plain = |p: &&str| p.bytes().all(|b| b.is_ascii_digit());
    let port = match port {
        Some(port) => Some(Some(port).filter(plain)?.parse().ok().filter(|p| *p != 0)?),
        None => None,
    };
    Some((host.to_ascii_lowercase(), port))
}

fn read_host(host: &str) -> Result<(String, HostKind), &'static str> {
    if let Ok(address) = host.parse::<IpAddr>() {
        let mapped = matches!(address, IpAddr::V6(six) if six.to_ipv4_mapped().is_some());
        let text = (address.to_string(), HostKind::Literal);
        return match is_metadata(embedded(address)) {
            true => Err(NO_METADATA),
            // An IPv4 address is written as one.
            false if mapped => Err(NAMED_HOST),
            false => Ok(text),
        };
    }
    let name = host.strip_suffix('.').unwrap_or(host);
    let label = |l: &str| {
        let plain = l.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_'));
        plain && (1..=63).contains(&l.len()) && !l.starts_with('-') && !l.ends_with('-')
    };
    // Resolvers read 2852039166, 0xa9fea9fe and 169.254.43518 as addresses; no name ends so.
    let numeric = name.rsplit('.').next().is_some_and(|l| {
        l.bytes().all(|b| b.is_ascii_digit())
            || l.strip_prefix("0x").is_some_and(|x| x.bytes().all(|b| b.is_ascii_hexdigit()))
    });
    if host.len() > 253 || numeric || !name.split('.').all(label) {
        return Err(NAMED_HOST);
    }
    if METADATA_NAMES.contains(&name) {
        return Err(NO_METADATA);
    }
    let local = name == "localhost" || name.ends_with(".localhost");
    Ok((name.to_owned(), if local { HostKind::Literal } else { HostKind::Name }))
}

/// The IPv4 address inside an IPv6 one, where there is one (mapped, or NAT64's well-known prefix).
fn embedded(address: IpAddr) -> IpAddr {
    let IpAddr::V6(six) = address else { return address };
    if let Some(four) = six.to_ipv4_mapped() {
        return IpAddr::V4(four);
    }
    match six.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
            IpAddr::V4(Ipv4Addr::new(a, b, c, d))
        }
        _ => address,
    }
}

fn is_metadata(address: IpAddr) -> bool {
    let link_local = match address {
        IpAddr::V4(four) => four.is_link_local(),
        IpAddr::V6(six) => six.is_unicast_link_local(),
    };
    let nowhere = address.is_unspecified() || address.is_multicast();
    link_local || nowhere || METADATA_ADDRESSES.contains(&address)
}

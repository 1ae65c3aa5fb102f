//! Which addresses a provider may have.
//!
//! Private, loopback and other special addresses are for those whom the platform allows them; the metadata
//! services of the clouds are for nobody, in whatever form the address comes.

#[cfg(test)]
mod tests;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether a connection to `ip` may be opened.
#[must_use]
pub fn may_call(ip: IpAddr, private_addresses: bool) -> bool {
    match embedded(ip) {
        IpAddr::V4(v4) => !never_v4(v4) && (private_addresses || !is_private_v4(v4)),
        IpAddr::V6(v6) => !never_v6(v6) && (private_addresses || !is_private_v6(v6)),
    }
}

/// The IPv4 address inside an IPv6 one: mapped, compatible, NAT64 (RFC 6052) or 6to4.
fn embedded(ip: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = ip else {
        return ip;
    };
    let s = v6.segments();
    let low = Ipv4Addr::from((u32::from(s[6]) << 16) | u32::from(s[7]));
    match s {
        [0, 0, 0, 0, 0, 0xffff, ..] | [0x64, 0xff9b, 0, 0, 0, 0, ..] | [0x64, 0xff9b, 1, ..] => low.into(),
        [0, 0, 0, 0, 0, 0, ..] if !v6.is_loopback() && !v6.is_unspecified() => low.into(),
        [0x2002, high, second, ..] => Ipv4Addr::from((u32::from(high) << 16) | u32::from(second)).into(),
        _ => ip,
    }
}

fn never_v4(ip: Ipv4Addr) -> bool {
    let [a, ..] = ip.octets();
    // Link-local with the metadata services, "this network", multicast, reserved, broadcast; and the
    // metadata address of one cloud that is not link-local.
    ip.is_link_local() || a == 0 || a >= 224 || ip.octets() == [100, 100, 100, 200]
}

fn is_private_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    ip.is_loopback()
        || ip.is_private()
        || (a == 100 && (64..128).contains(&b)) // carrier-grade NAT, RFC 6598
        || (a == 192 && b == 0 && c == 0) // IETF assignments, RFC 6890
        || (a == 198 && (b == 18 || b == 19)) // benchmarks, RFC 2544
        || ip.is_documentation()
}

fn never_v6(ip: Ipv6Addr) -> bool {
    ip.is_unspecified() || ip.is_multicast() || ip.is_unicast_link_local() || ip.segments() == METADATA_V6
}

/// `fd00:ec2::254`
const METADATA_V6: [u16; 8] = [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254];

fn is_private_v6(ip: Ipv6Addr) -> bool {
    ip.is_loopback() || ip.is_unique_local() || ip.segments()[..2] == [0x2001, 0xdb8]
}

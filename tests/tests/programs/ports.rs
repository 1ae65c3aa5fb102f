//! Ports that nobody has, and who listens where.

use std::collections::BTreeSet;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};

/// Below the ports that the system gives to whoever connects.
const FIRST: u16 = 20_000;
const MANY: u16 = 10_000;
static NEXT: AtomicU16 = AtomicU16::new(0);

/// Addresses of 127.0.0.1 that are free, and of ::1 too.
pub fn free<const N: usize>() -> [SocketAddr; N] {
    std::array::from_fn(|_| one())
}

fn one() -> SocketAddr {
    // Tests of several processes begin at different places.
    let mine = u16::try_from(std::process::id() % u32::from(MANY)).unwrap();
    for _ in 0..MANY {
        let port = FIRST + (mine.wrapping_mul(17) % MANY + NEXT.fetch_add(1, Ordering::Relaxed)) % MANY;
        let both =
            [IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
        if both.iter().all(|ip| is_free((*ip, port).into())) {
            return (Ipv4Addr::LOCALHOST, port).into();
        }
    }
    panic!("no port is free")
}

/// Whether nobody listens there.
pub fn is_free(address: SocketAddr) -> bool {
    TcpListener::bind(address).is_ok()
}

/// Where a process listens for TCP connections.
pub fn listening(pid: u32) -> BTreeSet<SocketAddr> {
    let links = fs::read_dir(format!("/proc/{pid}/fd")).unwrap().filter_map(|fd| fs::read_link(fd.ok()?.path()).ok());
    let sockets: BTreeSet<String> =
        links.filter_map(|link| Some(link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned())).collect();
    let tables = ["tcp", "tcp6"].map(|t| fs::read_to_string(format!("/proc/{pid}/net/{t}")).unwrap_or_default());
    let lines = tables.iter().flat_map(|table| table.lines().skip(1));
    lines
        .filter_map(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let [_, local, _, state, _, _, _, _, _, inode, ..] = fields[..] else { return None };
            (state == "0A" && sockets.contains(inode)).then(|| address(local))?
        })
        .collect()
}

/// Reads `0100007F:1267`: words of an address in the host's order, here little-endian.
fn address(text: &str) -> Option<SocketAddr> {
    let (ip, port) = text.split_once(':')?;
    let mut bytes = Vec::new();
    for at in (0..ip.len()).step_by(8) {
        bytes.extend(u32::from_str_radix(ip.get(at..at + 8)?, 16).ok()?.to_le_bytes());
    }
    let ip: IpAddr = match <[u8; 4]>::try_from(&bytes[..]) {
        Ok(v4) => v4.into(),
        Err(_) => <[u8; 16]>::try_from(&bytes[..]).ok()?.into(),
    };
    Some((ip, u16::from_str_radix(port, 16).ok()?).into())
}

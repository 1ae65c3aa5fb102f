//! Free ports of 127.0.0.1, below those that the kernel gives to outgoing connections: a server that is stopped for a
//! while finds its port free when it comes back.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU32, Ordering};

const FIRST: u32 = 18_000;
const COUNT: u32 = 14_000;
/// Far apart for neighbouring process ids, so that tests side by side seldom try the same.
const STEP: u32 = 97;

static TAKEN: AtomicU32 = AtomicU32::new(0);

/// A port that nobody listens at now. Somebody may yet before it is used: who starts a server tries again.
///
/// # Panics
/// When all of them are taken.
#[must_use]
pub fn free() -> u16 {
    for _ in 0..COUNT {
        let nth = TAKEN.fetch_add(1, Ordering::Relaxed);
        let port = FIRST + std::process::id().wrapping_mul(STEP).wrapping_add(nth) % COUNT;
        let port = u16::try_from(port).expect("below 32,000");
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
    panic!("no port from {FIRST} to {} is free", FIRST + COUNT);
}

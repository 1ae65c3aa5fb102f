use std::net::IpAddr;

use super::may_call;

fn parse(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn public_addresses_may_be_called() {
    for ip in ["1.1.1.1", "104.18.7.192", "2606:4700::6812:7c0", "100.128.0.1", "172.32.0.1"] {
        assert!(may_call(parse(ip), false), "{ip}");
    }
}

#[test]
fn private_addresses_only_where_they_are_allowed() {
    for ip in [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "198.18.0.1",
        "::1",
        "fd12::1",
        "::ffff:127.0.0.1",
        "64:ff9b::10.0.0.1",
        "2002:0a00:0001::",
    ] {
        assert!(!may_call(parse(ip), false), "{ip}");
        assert!(may_call(parse(ip), true), "{ip}");
    }
}

#[test]
fn metadata_and_special_addresses_never() {
    for ip in [
        "169.254.169.254",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "100.100.100.200",
        "::",
        "fe80::1",
        "ff02::1",
        "fd00:ec2::254",
        "::ffff:169.254.169.254",
        "64:ff9b::169.254.169.254",
    ] {
        assert!(!may_call(parse(ip), true), "{ip}");
    }
}

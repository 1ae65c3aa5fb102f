//! The wrapper against the format's own figures.

use super::{BLOCK, crc32, wrap};

#[test]
fn the_checksum_is_the_standard_one() {
    assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
}

#[test]
fn a_stream_ends_with_the_checksum_and_the_length() {
    let packed = wrap(b"123456789");
    assert_eq!(&packed[10..15], [1, 9, 0, 0xf6, 0xff]);
    assert_eq!(&packed[15..24], b"123456789");
    assert_eq!(&packed[24..], [0x26, 0x39, 0xf4, 0xcb, 9, 0, 0, 0]);
}

#[test]
fn only_the_last_block_says_that_it_is_the_last() {
    let packed = wrap(&vec![7; BLOCK + 1]);
    assert_eq!(packed[10], 0);
    assert_eq!(packed[10 + 5 + BLOCK], 1);
}

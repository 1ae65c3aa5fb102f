//! How answers are read, whole and cut anywhere.

use super::{Answer, Malformed};

const SIZED: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
const CHUNKED: &[u8] = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n\
    10\r\ndata: {\"a\":1}\n\n\n\r\nf;x=y\r\ndata: [DONE]\n\nd\r\n0\r\n\r\n";

fn read(bytes: &[u8]) -> Result<Answer, Malformed> {
    let mut answer = Answer::default();
    answer.feed(bytes)?;
    Ok(answer)
}

#[test]
fn a_sized_body_ends_at_its_length() {
    let answer = read(SIZED).unwrap();
    assert!(answer.is_done());
    assert_eq!((answer.status, answer.bytes, answer.events), (200, 5, 0));
}

#[test]
fn counts_are_the_same_wherever_the_bytes_are_cut() {
    for cut in 1..CHUNKED.len() {
        let mut answer = Answer::default();
        answer.feed(&CHUNKED[..cut]).unwrap();
        assert!(!answer.is_done(), "cut at {cut}");
        answer.feed(&CHUNKED[cut..]).unwrap();
        assert!(answer.is_done(), "cut at {cut}");
        assert_eq!((answer.bytes, answer.events), (31, 2), "cut at {cut}");
    }
}

#[test]
fn data_inside_a_line_is_no_event() {
    let body = b"event: data: x\ndatum: 1\n\ndata:1\n\n";
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
    let answer = read(&[head.as_bytes(), body].concat()).unwrap();
    assert_eq!(answer.events, 1);
}

#[test]
fn a_body_without_length_ends_with_the_connection() {
    let mut answer = read(b"HTTP/1.1 200 OK\r\n\r\nabc").unwrap();
    assert!(!answer.is_done() && answer.closes);
    answer.close().unwrap();
    assert!(answer.is_done());
}

#[test]
fn a_connection_that_closes_early_is_malformed() {
    assert!(read(&SIZED[..SIZED.len() - 1]).unwrap().close().is_err());
    assert!(read(&CHUNKED[..CHUNKED.len() - 2]).unwrap().close().is_err());
    assert!(read(b"HTTP/1.1 200 OK\r\n").unwrap().close().is_err());
}

#[test]
fn bytes_after_the_end_and_chunks_beyond_their_size_are_malformed() {
    assert!(read(&[SIZED, b"x"].concat()).is_err());
    assert!(read(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nab\r\n").is_err());
}

#[test]
fn a_reset_answer_reads_the_next_one() {
    let mut answer = read(CHUNKED).unwrap();
    answer.reset();
    answer.feed(SIZED).unwrap();
    assert_eq!((answer.bytes, answer.events, answer.is_done()), (5, 0, true));
}

//! Vectors that stand for embeddings: deterministic, of unit length.

use std::hash::BuildHasher;

use foldhash::fast::FixedState;

use super::ask::Input;

/// Elements of a vector when the caller asks for no number of its own. Small,
/// because nobody compares them; the real models answer 1,536 or 3,072.
const DIMENSIONS: usize = 64;

/// Most elements that a caller may ask for.
const MAX_DIMENSIONS: usize = 4096;

/// The vector of one input.
pub(crate) fn of(input: &Input, dimensions: Option<usize>) -> Vec<f32> {
    let count = dimensions.unwrap_or(DIMENSIONS).clamp(1, MAX_DIMENSIONS);
    let seed = FixedState::default();
    let raw = (0..count).map(|index| {
        let hash = seed.hash_one((&input.bytes, index));
        // Sixteen bits of it, centred: exact in an f32.
        let bits = u16::try_from(hash & 0xffff).unwrap_or_default();
        (f32::from(bits) - 32_767.5) / 32_768.0
    });
    let raw: Vec<f32> = raw.collect();
    let length = raw.iter().map(|x| x * x).sum::<f32>().sqrt();
    raw.into_iter().map(|x| x / length).collect()
}

/// The vector's little-endian bytes in base64, as OpenAI sends them.
pub(crate) fn base64(vector: &[f32]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bytes: Vec<u8> = vector.iter().flat_map(|x| x.to_le_bytes()).collect();
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let byte = |index: usize| u32::from(group.get(index).copied().unwrap_or_default());
        let bits = (byte(0) << 16) | (byte(1) << 8) | byte(2);
        for place in 0..4 {
            let six = usize::try_from((bits >> (18 - 6 * place)) & 63).unwrap_or_default();
            let letter = ALPHABET.get(six).copied().unwrap_or(b'=');
            text.push(if place <= group.len() { char::from(letter) } else { '=' });
        }
    }
    text
}

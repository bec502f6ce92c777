//! The hash of names in directory indexes: half MD4 over signed characters (kernel documentation, ext4, "Hash Tree
//! Directories"; MD4 is RFC 1320).
//!
//! A name is taken in pieces of 32 bytes. Each is packed into eight words and mixed into a state of four by two
//! thirds of MD4: 24 steps, of which each round sees every word once. The second word of the last state is the hash.

/// Bytes of a name that one transform takes.
const PIECE: usize = 32;
/// The state to start from when the seed is zero: that of MD4.
const MD4_STATE: [u32; 4] = [0x6745_2301, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476];
/// What no name may have as hash: it ends a listing (`EXT4_HTREE_EOF_32BIT`).
const END_OF_DIRECTORY: u32 = 0xFFFF_FFFE;

/// Returns the hash of a name, whose lowest bit is 0.
pub(super) fn hash(name: &[u8], seed: &[u8; 16]) -> u32 {
    let start = if *seed == [0; 16] { MD4_STATE } else { words_of(seed) };
    let pieces = (0..name.len()).step_by(PIECE).map(|at| words(&name[at..]));
    let hash = pieces.fold(start, transform)[1] & !1;
    if hash == END_OF_DIRECTORY { hash - 2 } else { hash }
}

/// The seed as four little-endian words.
fn words_of(seed: &[u8; 16]) -> [u32; 4] {
    std::array::from_fn(|index| u32::from_le_bytes(std::array::from_fn(|byte| seed[4 * index + byte])))
}

/// Returns a piece as words: each is four signed characters, the first one highest, shifted in over the length of
/// the rest of the name, which also fills the words behind its end.
fn words(rest: &[u8]) -> [u32; 8] {
    let len = rest.len() as u32 & 0xFF;
    let filling = len * 0x0101_0101;
    let mut words = [filling; 8];
    for (word, characters) in words.iter_mut().zip(rest.chunks(4)) {
        *word = characters.iter().fold(filling, |word, &byte| (word << 8).wrapping_add_signed(i32::from(byte as i8)));
    }
    words
}

/// Mixes a piece into the state. Each round has its function, its constant, the order of its words, its rotations.
fn transform(state: [u32; 4], words: [u32; 8]) -> [u32; 4] {
    type Round = (fn(u32, u32, u32) -> u32, u32, [usize; 8], [u32; 4]);
    const ROUNDS: [Round; 3] = [
        (|x, y, z| z ^ (x & (y ^ z)), 0, [0, 1, 2, 3, 4, 5, 6, 7], [3, 7, 11, 19]),
        (|x, y, z| (x & y) | (z & (x | y)), 0x5A82_7999, [1, 3, 5, 7, 0, 2, 4, 6], [3, 5, 9, 13]),
        (|x, y, z| x ^ y ^ z, 0x6ED9_EBA1, [3, 7, 2, 6, 1, 5, 0, 4], [3, 9, 11, 15]),
    ];
    let [mut a, mut b, mut c, mut d] = state;
    for (mix, constant, order, rotations) in ROUNDS {
        for (step, word) in order.into_iter().enumerate() {
            let sum = a.wrapping_add(mix(b, c, d)).wrapping_add(words[word]).wrapping_add(constant);
            (a, b, c, d) = (d, sum.rotate_left(rotations[step % 4]), b, c);
        }
    }
    [(state[0], a), (state[1], b), (state[2], c), (state[3], d)].map(|(before, after)| before.wrapping_add(after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_debugfs() {
        // `debugfs -R "dx_hash -h half_md4 -s 66656463-6261-3938-3736-353433323130 NAME"`
        let hash_of = |name: &str| hash(name.as_bytes(), b"fedcba9876543210");
        assert_eq!(hash_of("x"), 0xC5B4_E5C2);
        assert_eq!(hash_of("hello"), 0x6E3C_B25C);
        assert_eq!(hash_of("übung"), 0x39CB_3FA4, "characters are signed");
        assert_eq!(hash_of("a-rather-long-name-that-is-longer-than-32-bytes.txt"), 0xD26D_C5B2);
    }
}

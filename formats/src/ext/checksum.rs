//! The checksums of metadata: CRC-32C chained from a seed made of the UUID.
//!
//! The CRC runs without the usual inversion at its two ends, so that a sum over two pieces is the sum over the
//! second, started from the sum over the first. When the feature `metadata_csum` is off, every sum is 0, which
//! is what the fields hold then (kernel documentation, ext4, "Checksums").

/// Sums metadata of one file system, or of one inode of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Checksums {
    /// The sum so far; none when the file system has no checksums.
    seed: Option<u32>,
}

impl Checksums {
    /// Returns the sums of the file system with this UUID.
    pub(super) fn of_file_system(uuid: &[u8; 16], enabled: bool) -> Checksums {
        Checksums { seed: enabled.then(|| crc32c_raw(!0, uuid)) }
    }

    /// Returns the sums of what belongs to one inode (of generation 0): itself, its directory and extent blocks.
    pub(super) fn of_inode(self, ino: u32) -> Checksums {
        const GENERATION: u32 = 0;
        self.then(&ino.to_le_bytes()).then(&GENERATION.to_le_bytes())
    }

    /// Returns the sums that go on after `bytes`.
    pub(super) fn then(self, bytes: &[u8]) -> Checksums {
        Checksums { seed: self.seed.map(|seed| crc32c_raw(seed, bytes)) }
    }

    /// Returns the sum over `bytes`; 0 when there are no checksums.
    pub(super) fn sum(self, bytes: &[u8]) -> u32 {
        self.then(bytes).seed.unwrap_or(0)
    }

    /// Returns the sum over the bytes of a superblock in front of its checksum field: the only one without the seed.
    pub(super) fn sum_of_superblock(self, bytes: &[u8]) -> u32 {
        self.seed.map_or(0, |_| crc32c_raw(!0, bytes))
    }

    /// Whether the file system has checksums.
    pub(super) fn enabled(self) -> bool {
        self.seed.is_some()
    }
}

/// CRC-32C from `seed` on, inverted at neither end.
fn crc32c_raw(seed: u32, bytes: &[u8]) -> u32 {
    !crc32c::crc32c_append(!seed, bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_sum_like_the_whole() {
        let sums = Checksums::of_file_system(&[7; 16], true);
        assert_eq!(sums.then(b"abc").sum(b"def"), sums.sum(b"abcdef"));
        assert_eq!(Checksums::of_file_system(&[7; 16], false).sum(b"abc"), 0);
    }

    #[test]
    fn the_raw_sum_is_the_known_one_inverted() {
        // RFC 3720, B.4: 32 bytes of zeros.
        assert_eq!(!crc32c_raw(!0, &[0; 32]), 0x8A91_36AA);
    }
}

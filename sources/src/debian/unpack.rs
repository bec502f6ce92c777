//! Decompression of indexes, with limits: what a server sends may be a bomb.

use std::io::{self, BufReader, Read, Write};

use crate::error::{Error, ErrorKind, quoted_text};

/// How an index may be compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compression {
    /// `.xz`
    Xz,
    /// `.gz`
    Gzip,
    /// As it is.
    None,
}

/// How much memory a decoder of xz may take: a dictionary of 64 MiB, which `xz -9` uses, and some more.
const XZ_MEMORY: u64 = 80 << 20;

impl Compression {
    /// The ways, in the order in which they are preferred.
    pub(super) const ALL: [Compression; 3] = [Compression::Xz, Compression::Gzip, Compression::None];

    /// Returns how names of such files end.
    pub(super) fn suffix(self) -> &'static str {
        match self {
            Compression::Xz => ".xz",
            Compression::Gzip => ".gz",
            Compression::None => "",
        }
    }

    /// Copies what `compressed` stands for, which is called `name`, into `output`: at most `limit` bytes.
    pub(super) fn unpack(
        self,
        name: &str,
        compressed: impl Read,
        limit: u64,
        output: &mut impl Write,
    ) -> Result<(), Error> {
        let refuse = |why: String| Error::new(ErrorKind::Integrity, format!("{} {why}", quoted_text(name)));
        let input = BufReader::with_capacity(256 * 1024, compressed);
        let mut plain: Box<dyn Read> = match self {
            Compression::Xz => {
                let stream = xz2::stream::Stream::new_stream_decoder(XZ_MEMORY, xz2::stream::CONCATENATED)
                    .expect("liblzma knows these flags, and there is memory for an empty decoder");
                Box::new(xz2::bufread::XzDecoder::new_stream(input, stream))
            }
            Compression::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(input)),
            Compression::None => Box::new(input),
        };
        let mut buffer = vec![0; 256 * 1024];
        let mut room = limit;
        loop {
            let len = match plain.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(len) => len,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    return Err(error
                        .downcast::<Error>()
                        .unwrap_or_else(|error| refuse(format!("cannot be unpacked: {error}"))));
                }
            };
            room = room
                .checked_sub(len as u64)
                .ok_or_else(|| refuse(format!("unpacks to more than its {limit} bytes")))?;
            output.write_all(&buffer[..len])?;
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Compresses, for the archives of the tests.
    pub(in crate::debian) fn compress(compression: Compression, bytes: &[u8]) -> Vec<u8> {
        match compression {
            Compression::Xz => {
                let mut encoder = xz2::write::XzEncoder::new(Vec::new(), 0);
                encoder.write_all(bytes).unwrap();
                encoder.finish().unwrap()
            }
            Compression::Gzip => {
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                encoder.write_all(bytes).unwrap();
                encoder.finish().unwrap()
            }
            Compression::None => bytes.to_vec(),
        }
    }

    fn unpack(compression: Compression, bytes: &[u8], limit: u64) -> Result<Vec<u8>, String> {
        let mut output = Vec::new();
        compression.unpack("Packages", bytes, limit, &mut output).map(|()| output).map_err(|error| error.message)
    }

    #[test]
    fn what_was_compressed_comes_back_also_in_two_parts() {
        for compression in Compression::ALL {
            let two = [compress(compression, b"one, "), compress(compression, b"two")].concat();
            assert_eq!(unpack(compression, &two, 8).unwrap(), b"one, two");
            let too_long = Err("`Packages` unpacks to more than its 7 bytes".to_owned());
            assert_eq!(unpack(compression, &two, 7), too_long);
        }
    }

    #[test]
    fn bombs_garbage_and_cut_off_streams_are_refused() {
        let zeros = vec![0; 10_000_000];
        for compression in [Compression::Xz, Compression::Gzip] {
            let bomb = compress(compression, &zeros);
            assert!(bomb.len() < 100_000);
            assert!(unpack(compression, &bomb, 1000).unwrap_err().contains("unpacks to more than its 1000 bytes"));
            let cut = &bomb[..bomb.len() - 5];
            assert!(unpack(compression, cut, 20_000_000).unwrap_err().contains("cannot be unpacked"));
            assert!(unpack(compression, b"garbage", 1000).unwrap_err().contains("cannot be unpacked"));
        }
        let garbage = [compress(Compression::Xz, b"one"), b"garbage".to_vec()].concat();
        assert!(unpack(Compression::Xz, &garbage, 1000).unwrap_err().contains("cannot be unpacked"));
    }

    #[test]
    fn a_dictionary_of_gigabytes_is_refused() {
        // An encoder would need that memory too, so the size is written into the header of a small stream.
        let mut stream = compress(Compression::Xz, b"small");
        // Block header (at 12): size, flags, filter id, size of properties, dictionary size, padding, CRC32.
        assert_eq!(stream[12..16], [2, 0, 0x21, 1]);
        stream[16] = 40; // 4 GiB less one byte
        let mut crc = flate2::Crc::new();
        crc.update(&stream[12..20]);
        stream[20..24].copy_from_slice(&crc.sum().to_le_bytes());
        assert!(unpack(Compression::Xz, &stream, 1000).unwrap_err().contains("cannot be unpacked"));
    }
}

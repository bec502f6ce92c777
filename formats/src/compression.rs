//! Compressed streams: gzip, xz and Zstandard, decoded as they are read.
//!
//! The one idea: a [`Decoder`] is an `impl Read` that cannot be made to produce more bytes, or to need more memory, than
//! its maker allows, whatever the input says. Concatenated members, streams and frames are one content, as the
//! command-line tools have it; anything else behind the end is an error. What the input did wrong comes as an
//! [`io::Error`] of kind `InvalidData` that holds a [`DecodeError`]; errors of the reader below pass unchanged.

use std::fmt;
use std::io::{self, BufReader, Read};

use flate2::bufread::MultiGzDecoder;
use xz2::bufread::XzDecoder;

/// RFC 1952, section 2.3.1: ID1 and ID2.
const GZIP_MAGIC: &[u8] = &[0x1f, 0x8b];
/// The .xz file format, section 2.1.1.1: header magic bytes.
const XZ_MAGIC: &[u8] = &[0xfd, b'7', b'z', b'X', b'Z', 0];
/// RFC 8878, section 3.1.1: magic number of a Zstandard frame.
const ZSTD_MAGIC: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
/// How many bytes of a stream [`Compression::of_magic`] looks at.
const MAGIC_LEN: u64 = 6;

/// Memory an xz stream may ask for. `xz -9` asks for 65 MiB.
const XZ_MEMORY_LIMIT: u64 = 128 << 20;
/// Largest window of a Zstandard frame, as a power of two: what every decoder has to support and `zstd --ultra -22` uses.
const ZSTD_WINDOW_LOG_LIMIT: u32 = 27;

/// Operating system 255, "unknown", in a gzip header (RFC 1952, section 2.3.1).
const GZIP_UNKNOWN_OPERATING_SYSTEM: u8 = 255;

/// Bytes that are asked of the reader below at once.
const BUFFER_LEN: usize = 64 << 10;

/// How a stream is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// gzip, RFC 1952.
    Gzip,
    /// The .xz file format.
    Xz,
    /// Zstandard, RFC 8878.
    Zstd,
}

impl Compression {
    /// Returns what the first bytes of a stream say; no known magic means no compression.
    pub fn of_magic(head: &[u8]) -> Compression {
        let starts = |magic: &[u8]| head.starts_with(magic);
        match () {
            () if starts(GZIP_MAGIC) => Compression::Gzip,
            () if starts(XZ_MAGIC) => Compression::Xz,
            () if starts(ZSTD_MAGIC) => Compression::Zstd,
            () => Compression::None,
        }
    }

    /// Returns what the extension of a file name says; an extension of none of the three means no compression.
    pub fn of_name(name: impl AsRef<[u8]>) -> Compression {
        let name = name.as_ref();
        [Compression::Gzip, Compression::Xz, Compression::Zstd]
            .into_iter()
            .find(|compression| name.ends_with(compression.extension().as_bytes()))
            .unwrap_or(Compression::None)
    }

    /// Returns the extension of file names, with its dot; empty for no compression.
    pub fn extension(self) -> &'static str {
        match self {
            Compression::None => "",
            Compression::Gzip => ".gz",
            Compression::Xz => ".xz",
            Compression::Zstd => ".zst",
        }
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Compression::None => "uncompressed data",
            Compression::Gzip => "gzip",
            Compression::Xz => "xz",
            Compression::Zstd => "zstd",
        })
    }
}

/// What is wrong with a compressed stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// It decodes to more than this many bytes.
    TooLong {
        /// The cap, in bytes.
        cap: u64,
    },
    /// Decoding it needs more memory than this.
    TooMuchMemory {
        /// How it is compressed.
        compression: Compression,
        /// The limit, in bytes.
        limit: u64,
    },
    /// It ends too early.
    Truncated(Compression),
    /// It is damaged, or something that is not compressed follows it.
    Damaged {
        /// How it is compressed.
        compression: Compression,
        /// What the decoder says.
        detail: String,
    },
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DecodeError::TooLong { cap } => write!(f, "the content is longer than the cap of {cap} bytes"),
            DecodeError::TooMuchMemory { compression, limit } => {
                write!(f, "the {compression} stream needs more than {} MiB of memory to decode", limit >> 20)
            }
            DecodeError::Truncated(compression) => write!(f, "the {compression} stream ends too early"),
            DecodeError::Damaged { compression, detail } => {
                write!(f, "the {compression} stream is damaged or followed by something else ({detail})")
            }
        }
    }
}

impl std::error::Error for DecodeError {}

/// Remembers whether the reader below failed, so that its errors are told from those of the decoder.
struct Source<R> {
    reader: R,
    failed: bool,
}

impl<R: Read> Read for Source<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let result = self.reader.read(buffer);
        self.failed = result.is_err();
        result
    }
}

type Input<R> = BufReader<Source<R>>;

enum Codec<R: Read> {
    None(Input<R>),
    // Boxed: the states of the decoders differ much in size.
    Gzip(Box<MultiGzDecoder<Input<R>>>),
    Xz(XzDecoder<Input<R>>),
    Zstd(zstd::stream::read::Decoder<'static, Input<R>>),
}

/// Decodes a compressed stream while it is read, up to a cap on the bytes it yields.
pub struct Decoder<R: Read> {
    codec: Codec<R>,
    cap: u64,
    left: u64,
}

impl<R: Read> Decoder<R> {
    /// Returns a decoder of `reader` that yields at most `cap` bytes.
    ///
    /// # Errors
    /// The decoder cannot be set up, for lack of memory.
    pub fn new(reader: R, compression: Compression, cap: u64) -> io::Result<Decoder<R>> {
        let input = BufReader::with_capacity(BUFFER_LEN, Source { reader, failed: false });
        let codec = match compression {
            Compression::None => Codec::None(input),
            Compression::Gzip => Codec::Gzip(Box::new(MultiGzDecoder::new(input))),
            Compression::Xz => {
                let stream = xz2::stream::Stream::new_stream_decoder(XZ_MEMORY_LIMIT, xz2::stream::CONCATENATED)?;
                Codec::Xz(XzDecoder::new_stream(input, stream))
            }
            Compression::Zstd => {
                let mut decoder = zstd::stream::read::Decoder::with_buffer(input)?;
                decoder.window_log_max(ZSTD_WINDOW_LOG_LIMIT)?;
                Codec::Zstd(decoder)
            }
        };
        Ok(Decoder { codec, cap, left: cap })
    }

    fn compression(&self) -> Compression {
        match self.codec {
            Codec::None(_) => Compression::None,
            Codec::Gzip(_) => Compression::Gzip,
            Codec::Xz(_) => Compression::Xz,
            Codec::Zstd(_) => Compression::Zstd,
        }
    }

    fn source(&self) -> &Source<R> {
        match &self.codec {
            Codec::None(input) => input.get_ref(),
            Codec::Gzip(decoder) => decoder.get_ref().get_ref(),
            Codec::Xz(decoder) => decoder.get_ref().get_ref(),
            Codec::Zstd(decoder) => decoder.get_ref().get_ref(),
        }
    }

    /// Puts an error of a decoder into our words, and lets one of the reader below pass.
    fn explain(&self, error: io::Error) -> io::Error {
        if self.source().failed || error.kind() == io::ErrorKind::Interrupted {
            return error;
        }
        let compression = self.compression();
        let detail = error.to_string();
        let too_much = |limit| DecodeError::TooMuchMemory { compression, limit };
        let xz = error.get_ref().and_then(|inner| inner.downcast_ref::<xz2::stream::Error>());
        malformed(match (error.kind(), xz) {
            (io::ErrorKind::UnexpectedEof, _) => DecodeError::Truncated(compression),
            (_, Some(xz2::stream::Error::MemLimit)) => too_much(XZ_MEMORY_LIMIT),
            // The zstd library gives its errors as text only.
            _ if compression == Compression::Zstd && detail.contains("too much memory") => {
                too_much(1 << ZSTD_WINDOW_LOG_LIMIT)
            }
            _ => DecodeError::Damaged { compression, detail },
        })
    }
}

/// Returns a decoder of `reader`, compressed as its first bytes say, that yields at most `cap` bytes.
///
/// # Errors
/// `reader` fails, or memory is lacking.
pub fn detect<R: Read>(mut reader: R, cap: u64) -> io::Result<Decoder<impl Read>> {
    let mut head = Vec::new();
    reader.by_ref().take(MAGIC_LEN).read_to_end(&mut head)?;
    let compression = Compression::of_magic(&head);
    Decoder::new(io::Cursor::new(head).chain(reader), compression, cap)
}

impl<R: Read> Read for Decoder<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let result = match &mut self.codec {
            Codec::None(input) => input.read(buffer),
            Codec::Gzip(decoder) => decoder.read(buffer),
            Codec::Xz(decoder) => decoder.read(buffer),
            Codec::Zstd(decoder) => decoder.read(buffer),
        };
        let len = result.map_err(|error| self.explain(error))?;
        match self.left.checked_sub(len as u64) {
            Some(left) => self.left = left,
            None => return Err(malformed(DecodeError::TooLong { cap: self.cap })),
        }
        Ok(len)
    }
}

fn malformed(error: DecodeError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

/// Returns the content of `reader` as one gzip member that depends on nothing but content and level (0 to 9).
///
/// # Errors
/// `reader` fails.
pub fn gzip(reader: impl Read, level: u32) -> io::Result<Vec<u8>> {
    let mut compressed = Vec::new();
    flate2::GzBuilder::new()
        .mtime(0)
        .operating_system(GZIP_UNKNOWN_OPERATING_SYSTEM)
        .read(BufReader::with_capacity(BUFFER_LEN, reader), flate2::Compression::new(level.min(9)))
        .read_to_end(&mut compressed)?;
    Ok(compressed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tar::testing::run;

    fn decode(bytes: &[u8], cap: u64) -> Result<Vec<u8>, String> {
        let mut content = Vec::new();
        let mut decoder = detect(bytes, cap).unwrap();
        match decoder.read_to_end(&mut content) {
            Ok(_) => Ok(content),
            Err(error) => {
                assert_eq!(error.kind(), io::ErrorKind::InvalidData);
                Err(error.to_string())
            }
        }
    }

    /// Compresses bytes with a command of this Debian package.
    fn compress(package: &str, command: &[&str], content: &[u8]) -> Vec<u8> {
        let scratch = tempfile::tempdir().unwrap();
        std::fs::write(scratch.path().join("content"), content).unwrap();
        run(scratch.path(), package, &[command, &["-c", "content"]].concat())
    }

    fn by_all(content: &[u8]) -> [(Compression, Vec<u8>); 3] {
        [
            (Compression::Gzip, compress("gzip", &["gzip"], content)),
            (Compression::Xz, compress("xz-utils", &["xz", "-1"], content)),
            (Compression::Zstd, compress("zstd", &["zstd", "-q"], content)),
        ]
    }

    #[test]
    fn what_the_tools_write_is_read_also_when_concatenated() {
        let content: Vec<u8> = (0..300_000u32).flat_map(|i| (i / 7).to_le_bytes()).collect();
        assert_eq!(decode(&content, u64::MAX), Ok(content.clone()));
        for (compression, bytes) in by_all(&content) {
            assert_eq!(Compression::of_magic(&bytes), compression);
            assert_eq!(Compression::of_name(format!("x{}", compression.extension())), compression);
            assert_eq!(decode(&bytes, content.len() as u64).as_ref(), Ok(&content));
            let twice = decode(&[&bytes[..], &bytes].concat(), u64::MAX);
            assert_eq!(twice, Ok([&content[..], &content].concat()));
        }
    }

    #[test]
    fn a_bomb_stops_at_the_cap() {
        for (_, bytes) in by_all(&[0; 1 << 20]) {
            let cap = (1 << 20) - 1;
            assert_eq!(decode(&bytes, cap), Err("the content is longer than the cap of 1048575 bytes".to_owned()));
            assert_eq!(decode(&bytes, cap + 1), Ok(vec![0; 1 << 20]));
        }
    }

    #[test]
    fn truncated_streams_are_refused() {
        for (compression, bytes) in by_all(b"some content") {
            for len in 6..bytes.len() {
                let message = decode(&bytes[..len], 100).unwrap_err();
                assert_eq!(message, format!("the {compression} stream ends too early"), "{len}");
            }
        }
    }

    #[test]
    fn damage_and_trailing_garbage_are_refused() {
        // A byte of the checksum of the content, counted from the end of the stream.
        let places = [(8, "does not have a matching checksum"), (40, "lzma data error"), (1, "doesn't match checksum")];
        for ((compression, bytes), (from_end, detail)) in by_all(b"some content").into_iter().zip(places) {
            let mut damaged = bytes.clone();
            damaged[bytes.len() - from_end] ^= 1;
            let message = decode(&damaged, 100).unwrap_err();
            let expected = format!("the {compression} stream is damaged or followed by something else (");
            assert!(message.starts_with(&expected) && message.contains(detail), "{message}");

            let message = decode(&[&bytes[..], b"garbage garbage"].concat(), 100).unwrap_err();
            assert!(message.starts_with(&expected), "{message}");
        }
    }

    #[test]
    fn streams_that_need_too_much_memory_are_refused() {
        let xz = compress("xz-utils", &["xz", "--lzma2=dict=256MiB"], b"x");
        let expected = "the xz stream needs more than 128 MiB of memory to decode";
        assert_eq!(decode(&xz, 100), Err(expected.to_owned()));
        // RFC 8878, section 3.1.1.1: no single segment, so byte 5 is the window: exponent 21 is 2 GiB; then one empty raw block.
        let zstd = [ZSTD_MAGIC, &[0, 21 << 3, 1, 0, 0]].concat();
        let expected = "the zstd stream needs more than 128 MiB of memory to decode";
        assert_eq!(decode(&zstd, 100), Err(expected.to_owned()));
    }

    #[test]
    fn failures_of_the_reader_below_pass() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::new(io::ErrorKind::ConnectionReset, "the wire was cut"))
            }
        }
        for (compression, bytes) in by_all(b"some content") {
            let half = io::Cursor::new(bytes[..bytes.len() / 2].to_vec()).chain(Broken);
            let mut decoder = Decoder::new(half, compression, 100).unwrap();
            let error = decoder.read_to_end(&mut Vec::new()).unwrap_err();
            assert_eq!(
                (error.kind(), error.to_string()),
                (io::ErrorKind::ConnectionReset, "the wire was cut".to_owned())
            );
        }
    }

    #[test]
    fn gzip_writes_the_same_bytes_and_the_tool_reads_them() {
        let content = b"content ".repeat(1000);
        let bytes = gzip(&content[..], 9).unwrap();
        // RFC 1952, section 2.3: deflate, no flags, no time, best compression, unknown operating system.
        assert_eq!(bytes[..10], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 255]);
        assert_eq!(bytes, gzip(&content[..], 9).unwrap());
        let scratch = tempfile::tempdir().unwrap();
        std::fs::write(scratch.path().join("content.gz"), &bytes).unwrap();
        assert_eq!(run(scratch.path(), "gzip", &["gzip", "-dc", "content.gz"]), content);
        assert_eq!(decode(&bytes, 8000), Ok(content));
    }
}

//! An image as bytes at places, and windows into it that readers of other people see as a whole device.
//!
//! Readers take a device that they own, and there are several in one image; so all windows share the one
//! source. A window ends where its partition ends, refuses to be written to, and lends no more bytes than it
//! was told to: structures that lead in circles end with an error and not never.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::rc::Rc;

/// Something that can be read anywhere.
pub trait Source: Read + Seek {}

impl<T: Read + Seek> Source for T {}

/// How much is read at once.
const BLOCK: u64 = 64 << 10;
/// How many blocks are remembered.
const MOST_BLOCKS: usize = 64;

/// The bytes of an image.
#[derive(Clone)]
pub struct Image {
    shared: Rc<RefCell<Shared>>,
    len: u64,
}

struct Shared {
    source: Box<dyn Source>,
    /// Blocks by their number.
    blocks: BTreeMap<u64, Rc<Vec<u8>>>,
}

impl Image {
    /// Returns the image that a source has.
    ///
    /// # Errors
    /// The end of the source cannot be found.
    pub fn new(mut source: impl Read + Seek + 'static) -> io::Result<Image> {
        let len = source.seek(SeekFrom::End(0))?;
        Ok(Image { shared: Rc::new(RefCell::new(Shared { source: Box::new(source), blocks: BTreeMap::new() })), len })
    }

    /// Returns the length in bytes.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Fills `buffer` with the bytes from `at` on.
    ///
    /// # Errors
    /// The image ends before, or cannot be read.
    pub fn read_at(&self, at: u64, buffer: &mut [u8]) -> io::Result<()> {
        if at.checked_add(buffer.len() as u64).is_none_or(|end| end > self.len) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let (mut at, mut buffer) = (at, buffer);
        while !buffer.is_empty() {
            let block = self.block(at / BLOCK)?;
            let rest = block.get((at % BLOCK) as usize..).filter(|rest| !rest.is_empty());
            let rest = rest.ok_or(io::ErrorKind::UnexpectedEof)?;
            let len = rest.len().min(buffer.len());
            buffer[..len].copy_from_slice(&rest[..len]);
            buffer = &mut buffer[len..];
            at += len as u64;
        }
        Ok(())
    }

    /// Returns the `N` bytes from `at` on.
    ///
    /// # Errors
    /// As [`Image::read_at`].
    pub fn bytes<const N: usize>(&self, at: u64) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.read_at(at, &mut bytes)?;
        Ok(bytes)
    }

    /// Returns up to `len` bytes from `at` on: fewer where the image ends.
    ///
    /// # Errors
    /// The image cannot be read.
    pub fn up_to(&self, at: u64, len: u64) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; len.min(self.len.saturating_sub(at)) as usize];
        self.read_at(at, &mut bytes)?;
        Ok(bytes)
    }

    fn block(&self, number: u64) -> io::Result<Rc<Vec<u8>>> {
        let mut shared = self.shared.borrow_mut();
        if let Some(block) = shared.blocks.get(&number) {
            return Ok(block.clone());
        }
        let at = number * BLOCK;
        let mut block = Vec::with_capacity(BLOCK as usize);
        shared.source.seek(SeekFrom::Start(at))?;
        shared.source.by_ref().take(BLOCK).read_to_end(&mut block)?;
        if shared.blocks.len() >= MOST_BLOCKS {
            shared.blocks.clear();
        }
        let block = Rc::new(block);
        shared.blocks.insert(number, block.clone());
        Ok(block)
    }
}

/// A range of an image as a device of its own.
#[derive(Clone)]
pub struct Window {
    image: Image,
    at: u64,
    len: u64,
    position: u64,
    /// How many bytes may still be read.
    allowance: Rc<Cell<u64>>,
}

impl Window {
    /// Returns the window of `len` bytes from `at` on, or of what the image has of them.
    pub fn new(image: &Image, at: u64, len: u64) -> Window {
        let len = len.min(image.len.saturating_sub(at));
        Window { image: image.clone(), at, len, position: 0, allowance: Rc::new(Cell::new(u64::MAX)) }
    }

    /// Returns the length in bytes.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Lets this window and its clones read so many bytes from now on.
    pub fn allow(&self, len: u64) {
        self.allowance.set(len);
    }

    /// Fills `buffer` with the bytes from `at` on.
    ///
    /// # Errors
    /// The window ends before, or the image cannot be read.
    pub fn read_at(&self, at: u64, buffer: &mut [u8]) -> io::Result<()> {
        let len = buffer.len() as u64;
        if at.checked_add(len).is_none_or(|end| end > self.len) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.spend(len)?;
        self.image.read_at(self.at + at, buffer)
    }

    /// Returns the `N` bytes from `at` on.
    ///
    /// # Errors
    /// As [`Window::read_at`].
    pub fn bytes<const N: usize>(&self, at: u64) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.read_at(at, &mut bytes)?;
        Ok(bytes)
    }

    fn spend(&self, len: u64) -> io::Result<()> {
        let left = self.allowance.get().checked_sub(len);
        self.allowance.set(left.ok_or_else(|| io::Error::other("it leads in circles"))?);
        Ok(())
    }
}

impl Read for Window {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = self.len.saturating_sub(self.position).min(buffer.len() as u64);
        if len > 0 {
            self.read_at(self.position, &mut buffer[..len as usize])?;
            self.position += len;
        } else {
            // Whoever asks again and again at the end ends as well.
            self.spend(1)?;
        }
        Ok(len as usize)
    }
}

impl Seek for Window {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.len.checked_add_signed(by),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
        };
        self.position = position.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.position)
    }
}

/// Readers that could also write ask for this.
impl Write for Window {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Debug for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Window({} bytes from {})", self.len, self.at)
    }
}

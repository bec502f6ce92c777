//! Identifiers that nobody chose: derived from what the image is made of, so that they are the same for the same image and
//! never shared by two different ones.

use gravure_formats::{Digest, Guid, Hasher};

/// What an image is made of, as one digest that identifiers are derived from.
#[derive(Clone, Copy)]
pub(crate) struct Identity(Digest);

impl Identity {
    /// Stands for an identity that is not known yet.
    pub(crate) const PLACEHOLDER: Identity = Identity(Digest([0; 32]));

    /// Returns the identity of an image that is completely described by `description`.
    pub(crate) fn of(description: &[u8]) -> Identity {
        let mut hasher = Hasher::new();
        hasher.update(b"gravure image 1\0");
        hasher.update(description);
        Identity(hasher.finish())
    }

    fn part(self, name: &str) -> Digest {
        let mut hasher = Hasher::new();
        hasher.update(&self.0.0);
        hasher.update(name.as_bytes());
        hasher.finish()
    }

    /// Returns a GUID for the part called `name`.
    pub(crate) fn guid(self, name: &str) -> Guid {
        Guid::from_digest(&self.part(name))
    }

    /// Returns a number of 32 bits for the part called `name`: a FAT volume id or a disk signature.
    pub(crate) fn number(self, name: &str) -> u32 {
        let Digest([a, b, c, d, ..]) = self.part(name);
        u32::from_le_bytes([a, b, c, d])
    }
}

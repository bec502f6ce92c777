//! Packets, the pieces that everything in OpenPGP is made of (RFC 9580, section 4).
//!
//! ```text
//! new format   11tttttt  length: 1, 2 or 5 bytes          body
//! old format   10ttttll  length: 1, 2 or 4 bytes, by ll   body
//! ```
//! Lengths that are given in parts or not at all exist for streams only; no key and no signature has them.

/// What kind a packet is of (RFC 9580, section 5): those that matter here.
pub(super) mod tag {
    pub(in crate::openpgp) const SIGNATURE: u8 = 2;
    pub(in crate::openpgp) const SECRET_KEY: u8 = 5;
    pub(in crate::openpgp) const PUBLIC_KEY: u8 = 6;
    pub(in crate::openpgp) const SECRET_SUBKEY: u8 = 7;
    pub(in crate::openpgp) const USER_ID: u8 = 13;
    pub(in crate::openpgp) const PUBLIC_SUBKEY: u8 = 14;
    pub(in crate::openpgp) const USER_ATTRIBUTE: u8 = 17;
}

/// One packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Packet<'a> {
    /// Its kind, one of [`tag`] or another.
    pub(super) tag: u8,
    /// What it says.
    pub(super) body: &'a [u8],
}

/// Why bytes are not what they should be, as the end of a sentence: "the signature ...".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed(pub(super) &'static str);

const TRUNCATED: Malformed = Malformed("ends too early");

/// Cuts bytes into packets.
pub(super) fn packets(bytes: &[u8]) -> Result<Vec<Packet<'_>>, Malformed> {
    let mut rest = Fields(bytes);
    let mut packets = Vec::new();
    while !rest.is_empty() {
        let head = rest.u8()?;
        let (tag, len) = match head >> 6 {
            0b11 => (head & 0x3f, new_length(&mut rest)?),
            0b10 => ((head >> 2) & 0xf, old_length(&mut rest, head & 3)?),
            _ => return Err(Malformed("does not consist of packets")),
        };
        packets.push(Packet { tag, body: rest.take(len)? });
    }
    Ok(packets)
}

/// Reads a length of the new format (section 4.2.1), which subpackets have as well.
fn new_length(rest: &mut Fields<'_>) -> Result<usize, Malformed> {
    match rest.u8()? {
        short @ 0..192 => Ok(usize::from(short)),
        first @ 192..224 => Ok(((usize::from(first) - 192) << 8) + usize::from(rest.u8()?) + 192),
        255 => Ok(rest.u32()? as usize),
        224..255 => Err(Malformed("has a packet whose length is given in parts")),
    }
}

/// Reads the length of a subpacket (section 5.2.3.7): as of a packet, but no length comes in parts.
fn subpacket_length(rest: &mut Fields<'_>) -> Result<usize, Malformed> {
    match rest.u8()? {
        short @ 0..192 => Ok(usize::from(short)),
        255 => Ok(rest.u32()? as usize),
        first @ 192..255 => Ok(((usize::from(first) - 192) << 8) + usize::from(rest.u8()?) + 192),
    }
}

/// Reads a length of the old format (section 4.2.2).
fn old_length(rest: &mut Fields<'_>, kind: u8) -> Result<usize, Malformed> {
    match kind {
        0 => Ok(usize::from(rest.u8()?)),
        1 => Ok(usize::from(rest.u16()?)),
        2 => Ok(rest.u32()? as usize),
        _ => Err(Malformed("has a packet without a length")),
    }
}

/// One subpacket of a signature (section 5.2.3.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Subpacket<'a> {
    /// Its kind.
    pub(super) kind: u8,
    /// Whether whoever does not know this kind must not believe the signature.
    pub(super) critical: bool,
    /// What it says.
    pub(super) body: &'a [u8],
}

/// Cuts an area of a signature into subpackets.
pub(super) fn subpackets(area: &[u8]) -> Result<Vec<Subpacket<'_>>, Malformed> {
    let mut rest = Fields(area);
    let mut subpackets = Vec::new();
    while !rest.is_empty() {
        let len = subpacket_length(&mut rest)?;
        let mut fields = Fields(rest.take(len)?);
        let head = fields.u8()?;
        subpackets.push(Subpacket { kind: head & 0x7f, critical: head & 0x80 != 0, body: fields.0 });
    }
    Ok(subpackets)
}

/// Bytes that are read from their start: numbers are big endian.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Fields<'a> {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn take(&mut self, len: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.0.split_at_checked(len).ok_or(TRUNCATED)?;
        self.0 = rest;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        Ok(self.take(N)?.try_into().expect("that many bytes were taken"))
    }

    pub(super) fn u8(&mut self) -> Result<u8, Malformed> {
        Ok(self.array::<1>()?[0])
    }

    pub(super) fn u16(&mut self) -> Result<u16, Malformed> {
        self.array().map(u16::from_be_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, Malformed> {
        self.array().map(u32::from_be_bytes)
    }

    /// Reads a number of any size (section 3.2): its length in bits, and its bytes, the first of which is not zero.
    pub(super) fn mpi(&mut self) -> Result<&'a [u8], Malformed> {
        let bits = usize::from(self.u16()?);
        let bytes = self.take(bits.div_ceil(8))?;
        let found = bytes.first().map_or(0, |first| bytes.len() * 8 - first.leading_zeros() as usize);
        if found == bits { Ok(bytes) } else { Err(Malformed("has a number that is shorter than it says")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_formats_and_all_lengths_are_read() {
        let long = vec![7; 300];
        for (head, len) in [
            (&[0xc0 | 13, 3][..], 3),
            (&[0xc0 | 13, 192, 108], 300),
            (&[0xc0 | 13, 255, 0, 0, 1, 44], 300),
            (&[0x80 | 13 << 2, 3], 3),
            (&[0x80 | 13 << 2 | 1, 1, 44], 300),
            (&[0x80 | 13 << 2 | 2, 0, 0, 1, 44], 300),
        ] {
            let bytes = [head, &long[..len]].concat();
            assert_eq!(packets(&bytes), Ok(vec![Packet { tag: tag::USER_ID, body: &long[..len] }]));
            assert_eq!(packets(&bytes[..bytes.len() - 1]), Err(TRUNCATED));
            assert_eq!(packets(&bytes.repeat(2)).unwrap().len(), 2);
        }
    }

    #[test]
    fn other_packets_are_refused() {
        assert_eq!(packets(&[0x3f, 0]), Err(Malformed("does not consist of packets")));
        assert_eq!(packets(&[0x80 | 3]), Err(Malformed("has a packet without a length")));
        assert_eq!(packets(&[0xc2, 0xe0, 1]), Err(Malformed("has a packet whose length is given in parts")));
        assert_eq!(packets(&[0xc2, 255, 255, 255, 255, 255]), Err(TRUNCATED));
        assert_eq!(subpackets(&[0]), Err(TRUNCATED));
    }

    #[test]
    fn numbers_say_their_length_in_bits() {
        let wrong = Err(Malformed("has a number that is shorter than it says"));
        assert_eq!(Fields(&[0, 9, 1, 255]).mpi(), Ok(&[1, 255][..]));
        assert_eq!(Fields(&[0, 0]).mpi(), Ok(&[][..]));
        assert_eq!(Fields(&[0, 10, 1, 255]).mpi(), wrong);
        assert_eq!(Fields(&[0, 8, 0]).mpi(), wrong);
        assert_eq!(Fields(&[0, 9, 1]).mpi(), Err(TRUNCATED));
    }
}

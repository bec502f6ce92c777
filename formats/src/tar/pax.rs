//! PAX extended headers: records `LENGTH KEY=VALUE\n` that replace fields of the entry behind them.
//!
//! Only the keys that a tree can hold are kept; times of access, names of owners and comments are dropped.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::Problem;
use super::header::unsigned;

/// The prefix under which extended attributes are stored.
const XATTR_PREFIX: &[u8] = b"SCHILY.xattr.";
/// The prefix of the keys with which GNU tar describes holes.
const SPARSE_PREFIX: &[u8] = b"GNU.sparse.";
/// What an entry alone can have.
const OF_ONE_ENTRY: [&str; 3] = ["path", "linkpath", "size"];
/// What many entries may have.
const OF_MANY_ENTRIES: [&str; 3] = ["uid", "gid", "mtime"];

/// The records that hold for an entry, by key.
#[derive(Clone, Default)]
pub(super) struct Records(BTreeMap<Vec<u8>, Vec<u8>>);

impl Records {
    /// Applies the records of an extended header on top of those that are there.
    pub(super) fn extend(&mut self, mut bytes: &[u8]) -> Result<(), Problem> {
        while !bytes.is_empty() {
            let (key, value, rest) = split_record(bytes).ok_or(Problem::PaxRecord)?;
            if key.starts_with(SPARSE_PREFIX) {
                return Err(Problem::Sparse);
            }
            // An empty value takes a global record back; an extended attribute may well be empty.
            if value.is_empty() && !key.starts_with(XATTR_PREFIX) {
                self.0.remove(key);
            } else if is_known(key) {
                self.0.insert(key.to_vec(), value.to_vec());
            }
            bytes = rest;
        }
        Ok(())
    }

    /// Refuses what a header for many entries may not set. Extended attributes of a global header would be copied to each of
    /// them: a small archive would need memory without end.
    pub(super) fn check_global(&self) -> Result<(), Problem> {
        let is_of_many = |key: &&Vec<u8>| OF_MANY_ENTRIES.iter().any(|known| known.as_bytes() == &key[..]);
        match self.0.keys().find(|key| !is_of_many(key)) {
            Some(key) => Err(Problem::PaxGlobal(key.escape_ascii().to_string())),
            None => Ok(()),
        }
    }

    /// Returns the value of a record.
    pub(super) fn get(&self, key: &str) -> Option<&[u8]> {
        self.0.get(key.as_bytes()).map(Vec::as_slice)
    }

    /// Returns a number that may not be negative.
    pub(super) fn number<T: TryFrom<i128>>(&self, key: &'static str) -> Result<Option<T>, Problem> {
        let Some(value) = self.get(key) else { return Ok(None) };
        let number = std::str::from_utf8(value).ok().and_then(|text| text.parse::<i128>().ok());
        unsigned(key, number.ok_or_else(|| Problem::PaxValue(key.to_owned()))?).map(Some)
    }

    /// Returns the time of modification in whole seconds, rounded down.
    pub(super) fn mtime(&self) -> Result<Option<i64>, Problem> {
        let Some(value) = self.get("mtime") else { return Ok(None) };
        match std::str::from_utf8(value).ok().and_then(whole_seconds) {
            Some(seconds) => Ok(Some(seconds)),
            None => Err(Problem::PaxValue("mtime".to_owned())),
        }
    }

    /// Returns the extended attributes by full name.
    pub(super) fn xattrs(&self) -> BTreeMap<Bytes, Bytes> {
        let name = |key: &Vec<u8>| key.strip_prefix(XATTR_PREFIX).map(Bytes::copy_from_slice);
        self.0.iter().filter_map(|(key, value)| Some((name(key)?, Bytes::copy_from_slice(value)))).collect()
    }
}

/// Whether a tree can hold what the key says.
fn is_known(key: &[u8]) -> bool {
    let is_named = OF_ONE_ENTRY.iter().chain(&OF_MANY_ENTRIES).any(|known| known.as_bytes() == key);
    is_named || key.starts_with(XATTR_PREFIX)
}

/// Cuts the first record off: its key, its value and what follows.
fn split_record(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let space = bytes.iter().position(|&byte| byte == b' ')?;
    let len: usize = std::str::from_utf8(&bytes[..space]).ok()?.parse().ok()?;
    let (record, rest) = bytes.split_at_checked(len)?;
    let pair = record.get(space + 1..)?.strip_suffix(b"\n")?;
    let equals = pair.iter().position(|&byte| byte == b'=').filter(|&at| at > 0)?;
    Some((&pair[..equals], &pair[equals + 1..], rest))
}

fn whole_seconds(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let seconds: i64 = whole.parse().ok()?;
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let below = whole.starts_with('-') && fraction.bytes().any(|byte| byte != b'0');
    seconds.checked_sub(i64::from(below))
}

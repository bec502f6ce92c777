//! Numbers as messages show them: digits in groups of three, sizes in the largest unit that is exact.

use std::fmt;

/// Shows a number with its digits in groups of three: `805,304`.
#[derive(Clone, Copy, Debug)]
pub struct Grouped(pub u64);

impl fmt::Display for Grouped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 < 1000 {
            return write!(f, "{}", self.0);
        }
        write!(f, "{},{:03}", Grouped(self.0 / 1000), self.0 % 1000)
    }
}

/// Shows a size in bytes: `33 MiB` when that is exact, `34,089,472 bytes` else.
#[derive(Clone, Copy, Debug)]
pub struct Size(pub u64);

/// The binary units, the largest first.
const UNITS: [(u64, &str); 4] = [(1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match UNITS.iter().find(|(unit, _)| self.0 >= *unit && self.0.is_multiple_of(*unit)) {
            Some((unit, name)) => write!(f, "{} {name}", Grouped(self.0 / unit)),
            None if self.0 == 1 => f.write_str("1 byte"),
            None => write!(f, "{} bytes", Grouped(self.0)),
        }
    }
}

/// Shows a size in bytes as people compare sizes: `33 MiB`, `1.3 GiB`, `440 bytes`.
#[derive(Clone, Copy, Debug)]
pub struct Rounded(pub u64);

impl fmt::Display for Rounded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // From half a tenth below a unit on it is rounded up to that unit.
        let Some((unit, name)) = UNITS.iter().find(|(unit, _)| self.0 >= *unit - *unit / 2048) else {
            return Size(self.0).fmt(f);
        };
        let tenths = (u128::from(self.0) * 10 + u128::from(unit / 2)) / u128::from(*unit);
        match (tenths / 10, tenths % 10) {
            (whole, 0) => write!(f, "{whole} {name}"),
            (whole, tenth) if whole < 100 => write!(f, "{whole}.{tenth} {name}"),
            (whole, tenth) => write!(f, "{} {name}", whole + u128::from(tenth >= 5)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_sizes() {
        let shown = |n| (Grouped(n).to_string(), Size(n).to_string());
        assert_eq!(shown(0), ("0".into(), "0 bytes".into()));
        assert_eq!(shown(1), ("1".into(), "1 byte".into()));
        assert_eq!(shown(1_001_000), ("1,001,000".into(), "1,001,000 bytes".into()));
        assert_eq!(shown(33 << 20), ("34,603,008".into(), "33 MiB".into()));
        assert_eq!(Size(u64::MAX).to_string(), "18,446,744,073,709,551,615 bytes");
    }

    #[test]
    fn sizes_to_compare() {
        let shown = |n| Rounded(n).to_string();
        assert_eq!([0, 1, 440, 1024].map(shown), ["0 bytes", "1 byte", "440 bytes", "1 KiB"]);
        assert_eq!([1_500_000, 33 << 20, 1_073_741_823].map(shown), ["1.4 MiB", "33 MiB", "1 GiB"]);
        assert_eq!([1_047_999, (1 << 20) - 512, 1023].map(shown), ["1023 KiB", "1 MiB", "1,023 bytes"]);
        assert_eq!([150_500 << 10, u64::MAX].map(shown), ["147 MiB", "16777216 TiB"]);
    }
}

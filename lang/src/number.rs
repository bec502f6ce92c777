//! Integers and sizes: what a token that begins with a digit says.
//!
//! All arithmetic is on integers: a fraction such as `1.5GiB` counts as 15 tenths of a unit, which must come out as a
//! whole number of bytes.

/// The units of sizes, from small to large within each family.
pub(crate) const UNITS: [(&str, u64); 9] = [
    ("B", 1),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
];

/// A number with its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Number {
    Int(i64),
    /// In bytes.
    Size(u64),
}

/// Why a token that begins with a digit is no number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NumberError<'s> {
    /// Digits that make no number, such as `0x` or `1__0`.
    Malformed,
    /// A fraction without a unit.
    Fraction,
    /// An integer above the largest one.
    IntRange,
    /// A size of 2^64 bytes or more.
    SizeRange,
    /// A size that is no whole number of bytes.
    PartOfByte,
    /// A unit that there is not.
    Unit(&'s str),
}

/// Reads an integer or a size, or an integer behind a minus.
pub(crate) fn number(text: &str) -> Result<Number, NumberError<'_>> {
    if let Some(digits) = text.strip_prefix('-') {
        check_underscores(digits)?;
        return text.replace('_', "").parse().map(Number::Int).map_err(|_| NumberError::IntRange);
    }
    if let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        return hexadecimal(digits).map(Number::Int);
    }
    let unit_at = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(unit_at);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if unit.is_empty() {
        return match fraction {
            "" => decimal(whole)?.ok_or(NumberError::IntRange).and_then(int).map(Number::Int),
            _ => Err(NumberError::Fraction),
        };
    }
    let bytes_per_unit = UNITS.iter().find(|(name, _)| *name == unit).ok_or(NumberError::Unit(unit))?.1;
    size(whole, fraction, bytes_per_unit).map(Number::Size)
}

/// Returns the unit that was probably meant by a word after a number.
pub(crate) fn nearest_unit(word: &str) -> Option<&'static str> {
    Some(match word.to_ascii_lowercase().as_str() {
        "b" | "byte" | "bytes" => "B",
        "k" | "ki" | "kib" => "KiB",
        "m" | "mi" | "mib" => "MiB",
        "g" | "gi" | "gib" => "GiB",
        "t" | "ti" | "tib" => "TiB",
        "kb" => "kB",
        "mb" => "MB",
        "gb" => "GB",
        "tb" => "TB",
        _ => return None,
    })
}

fn int(value: u128) -> Result<i64, NumberError<'static>> {
    i64::try_from(value).map_err(|_| NumberError::IntRange)
}

fn hexadecimal(digits: &str) -> Result<i64, NumberError<'static>> {
    check_underscores(digits)?;
    let digits = digits.replace('_', "");
    if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(NumberError::Malformed);
    }
    i64::from_str_radix(&digits, 16).map_err(|_| NumberError::IntRange)
}

/// Reads decimal digits; `None` when they do not fit.
fn decimal(digits: &str) -> Result<Option<u128>, NumberError<'static>> {
    check_underscores(digits)?;
    let digits = digits.bytes().filter(|b| *b != b'_');
    Ok(digits.into_iter().try_fold(0u128, |value, digit| value.checked_mul(10)?.checked_add(u128::from(digit - b'0'))))
}

fn check_underscores(digits: &str) -> Result<(), NumberError<'static>> {
    let misplaced = digits.is_empty() || digits.starts_with('_') || digits.ends_with('_') || digits.contains("__");
    if misplaced { Err(NumberError::Malformed) } else { Ok(()) }
}

fn size(whole: &str, fraction: &str, bytes_per_unit: u64) -> Result<u64, NumberError<'static>> {
    let bytes_per_unit = u128::from(bytes_per_unit);
    let whole = decimal(whole)?.and_then(|value| value.checked_mul(bytes_per_unit)).ok_or(NumberError::SizeRange)?;
    let part = if fraction.is_empty() { 0 } else { part_of_unit(fraction, bytes_per_unit)? };
    let bytes = whole.checked_add(part).ok_or(NumberError::SizeRange)?;
    u64::try_from(bytes).map_err(|_| NumberError::SizeRange)
}

/// Returns `0.fraction` units in bytes.
fn part_of_unit(fraction: &str, bytes_per_unit: u128) -> Result<u128, NumberError<'static>> {
    check_underscores(fraction)?;
    let digits = fraction.replace('_', "");
    let digits = digits.trim_end_matches('0');
    // 2^40 bytes have 40 binary, so at most 40 decimal places; a unit of 10^12 has 12.
    if digits.len() > 40 {
        return Err(NumberError::PartOfByte);
    }
    // Digit by digit from the last one, so that no intermediate value is large: part = (digit * unit + part) / 10.
    // Each division must be exact but for what earlier digits leave, so it is done on the reduced fraction instead.
    let (mut numerator, mut denominator) = (0u128, 1u128);
    for digit in digits.bytes() {
        let next = numerator.checked_mul(10).and_then(|n| n.checked_add(u128::from(digit - b'0')));
        let scale = denominator.checked_mul(10);
        (numerator, denominator) = next.zip(scale).ok_or(NumberError::PartOfByte)?;
    }
    let common = greatest_common_divisor(bytes_per_unit, denominator);
    let (unit, denominator) = (bytes_per_unit / common, denominator / common);
    if numerator % denominator != 0 {
        return Err(NumberError::PartOfByte);
    }
    (numerator / denominator).checked_mul(unit).ok_or(NumberError::PartOfByte)
}

fn greatest_common_divisor(a: u128, b: u128) -> u128 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers() {
        assert_eq!(number("42"), Ok(Number::Int(42)));
        assert_eq!(number("1_000"), Ok(Number::Int(1000)));
        assert_eq!(number("0x1F"), Ok(Number::Int(31)));
        assert_eq!(number("9223372036854775807"), Ok(Number::Int(i64::MAX)));
        assert_eq!(number("9223372036854775808"), Err(NumberError::IntRange));
        assert_eq!(number("-9223372036854775808"), Ok(Number::Int(i64::MIN)));
        assert_eq!(number("-9223372036854775809"), Err(NumberError::IntRange));
        assert_eq!(number("0xFFFFFFFFFFFFFFFF"), Err(NumberError::IntRange));
        assert_eq!(number(&"9".repeat(100)), Err(NumberError::IntRange));
        for wrong in ["0x", "1_", "1__0", "0x_1", "0xG"] {
            assert_eq!(number(wrong), Err(NumberError::Malformed), "{wrong}");
        }
    }

    #[test]
    fn sizes() {
        assert_eq!(number("512B"), Ok(Number::Size(512)));
        assert_eq!(number("8KiB"), Ok(Number::Size(8192)));
        assert_eq!(number("1_024MiB"), Ok(Number::Size(1 << 30)));
        assert_eq!(number("1.5GiB"), Ok(Number::Size(3 << 29)));
        assert_eq!(number("1.50GB"), Ok(Number::Size(1_500_000_000)));
        assert_eq!(number("0.0009765625KiB"), Ok(Number::Size(1)));
        assert_eq!(number("16777215TiB"), Ok(Number::Size(16_777_215 << 40)));
        assert_eq!(number("16777216TiB"), Err(NumberError::SizeRange));
        assert_eq!(number("18446744073709551616B"), Err(NumberError::SizeRange));
        assert_eq!(number("0.5B"), Err(NumberError::PartOfByte));
        assert_eq!(number("1.0001kB"), Err(NumberError::PartOfByte));
        assert_eq!(number("1.1KiB"), Err(NumberError::PartOfByte));
        assert_eq!(number(&format!("0.{}1B", "0".repeat(50))), Err(NumberError::PartOfByte));
    }

    #[test]
    fn wrong_units_and_fractions() {
        assert_eq!(number("1G"), Err(NumberError::Unit("G")));
        assert_eq!(number("1EiB"), Err(NumberError::Unit("EiB")));
        assert_eq!(number("12abc"), Err(NumberError::Unit("abc")));
        assert_eq!(number("1.5"), Err(NumberError::Fraction));
    }
}

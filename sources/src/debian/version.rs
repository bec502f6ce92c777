//! The order of Debian's version numbers (Debian Policy, section 5.6.12).

use std::cmp::Ordering;

/// Compares two versions: `[epoch:]upstream[-revision]`.
pub fn compare_versions(a: &str, b: &str) -> Ordering {
    let ((epoch_a, upstream_a, revision_a), (epoch_b, upstream_b, revision_b)) = (parts(a), parts(b));
    compare_part(epoch_a, epoch_b)
        .then_with(|| compare_part(upstream_a, upstream_b))
        .then_with(|| compare_part(revision_a, revision_b))
}

/// Returns epoch, upstream version and revision; what is not there counts as 0, which nothing is equal to as well.
fn parts(version: &str) -> (&[u8], &[u8], &[u8]) {
    let (epoch, rest) = version.split_once(':').unwrap_or(("", version));
    let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, ""));
    (epoch.as_bytes(), upstream.as_bytes(), revision.as_bytes())
}

/// Compares alternately a stretch without digits, by [`weight`], and a number, by its value.
fn compare_part(mut a: &[u8], mut b: &[u8]) -> Ordering {
    while !a.is_empty() || !b.is_empty() {
        let (text_a, text_b) =
            (take(&mut a, |byte| !byte.is_ascii_digit()), take(&mut b, |byte| !byte.is_ascii_digit()));
        let (number_a, number_b) = (take(&mut a, u8::is_ascii_digit), take(&mut b, u8::is_ascii_digit));
        let order = compare_text(text_a, text_b).then_with(|| compare_number(number_a, number_b));
        if order.is_ne() {
            return order;
        }
    }
    Ordering::Equal
}

/// Cuts the longest start with this property off.
fn take<'a>(bytes: &mut &'a [u8], property: impl Fn(&u8) -> bool) -> &'a [u8] {
    let len = bytes.iter().position(|byte| !property(byte)).unwrap_or(bytes.len());
    let (taken, rest) = bytes.split_at(len);
    *bytes = rest;
    taken
}

fn compare_text(a: &[u8], b: &[u8]) -> Ordering {
    let len = a.len().max(b.len());
    (0..len).map(|at| weight(a.get(at))).cmp((0..len).map(|at| weight(b.get(at))))
}

/// A tilde sorts before the end, the end before letters, and letters before everything else.
fn weight(byte: Option<&u8>) -> u16 {
    match byte {
        Some(b'~') => 0,
        None => 1,
        Some(byte) if byte.is_ascii_alphabetic() => 2 + u16::from(*byte),
        Some(byte) => 2 + 256 + u16::from(*byte),
    }
}

fn compare_number(a: &[u8], b: &[u8]) -> Ordering {
    let significant = |number: &[u8]| number.iter().position(|&digit| digit != b'0').unwrap_or(number.len());
    let (a, b) = (&a[significant(a)..], &b[significant(b)..]);
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_in_order() {
        // Each list is ascending, as `dpkg --compare-versions` says.
        for ascending in [
            &["1.0~~", "1.0~~a", "1.0~", "1.0", "1.0a", "1.0+b", "1.0.1", "1.9", "1.10", "2", "1:0.1", "2:0"][..],
            &["6.12.9-1", "6.12.10-1~bpo12+1", "6.12.10-1", "6.12.10-1+b1", "6.12.10-2", "6.12.10-10"],
            &["1.2-~a", "1.2", "1.2-a", "1.2-1-1", "1.2-1-2"],
            &["9", "99999999999999999999", "100000000000000000000"],
        ] {
            for (i, a) in ascending.iter().enumerate() {
                for (j, b) in ascending.iter().enumerate() {
                    assert_eq!(compare_versions(a, b), i.cmp(&j), "{a} and {b}");
                }
            }
        }
        for (a, b) in [("1.0", "0:1.0"), ("1.0", "1.0-0"), ("1.01", "1.1"), ("1.0-1", "1.0-01"), ("0", "")] {
            assert_eq!(compare_versions(a, b), Ordering::Equal, "{a} and {b}");
        }
    }

    /// What dpkg says of two versions.
    fn dpkg_says(a: &str, relation: &str, b: &str) -> bool {
        let status = std::process::Command::new("dpkg").args(["--compare-versions", a, relation, b]).status();
        status.expect("this test needs the program dpkg, of Debian's package dpkg").success()
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]
        #[test]
        fn dpkg_agrees(a in "([0-2]:)?[0-9][0-9a~+.]{0,5}(-[0-9a~+.]{1,3})?", b in "([0-2]:)?[0-9][0-9a~+.]{0,5}(-[0-9a~+.]{1,3})?") {
            let relation = match compare_versions(&a, &b) {
                Ordering::Less => "lt",
                Ordering::Equal => "eq",
                Ordering::Greater => "gt",
            };
            proptest::prop_assert!(dpkg_says(&a, relation, &b), "{} {} {}", a, relation, b);
        }
    }
}

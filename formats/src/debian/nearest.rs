//! Names like the one that was typed, for messages.

/// Returns the names most like `wanted`, best first: at most three, and none that differs too much.
pub fn nearest<'a>(wanted: &str, names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    const MANY: usize = 3;
    let limit = (wanted.len() * 3 / 10).min(4);
    let mut best: Vec<(usize, &str)> = Vec::new();
    for name in names.filter(|name| name.len().abs_diff(wanted.len()) <= limit) {
        let distance = distance(wanted.as_bytes(), name.as_bytes());
        if distance <= limit && !best.contains(&(distance, name)) {
            best.push((distance, name));
            best.sort_unstable();
            best.truncate(MANY);
        }
    }
    best.into_iter().map(|(_, name)| name).collect()
}

/// Returns how many insertions, deletions, replacements and swaps of neighbours lead from one text to the other.
fn distance(a: &[u8], b: &[u8]) -> usize {
    let mut before_last = vec![0; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let replaced = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = replaced.min(last[j] + 1).min(row[j - 1] + 1);
            if 1 < i && 1 < j && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before_last[j - 2] + 1);
            }
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_a_slip_are_near() {
        let names = ["busybox", "busybox-static", "linux-image-cloud-amd64", "linux-image-cloud-arm64"];
        let near = |wanted| nearest(wanted, names.into_iter());
        assert_eq!(near("busibox"), ["busybox"]);
        assert_eq!(near("busybxo"), ["busybox"]);
        assert_eq!(near("linux-image-cloud-amd46"), ["linux-image-cloud-amd64", "linux-image-cloud-arm64"]);
        assert_eq!(near("systemd"), [""; 0]);
    }

    #[test]
    fn distances_count_edits() {
        for (a, b, edits) in
            [("", "", 0), ("abc", "", 3), ("abc", "acb", 1), ("abc", "abd", 1), ("kitten", "sitting", 3)]
        {
            assert_eq!(distance(a.as_bytes(), b.as_bytes()), edits);
            assert_eq!(distance(b.as_bytes(), a.as_bytes()), edits);
        }
    }
}

//! Dates as archives write them (RFC 5322, section 3.3): `Sat, 15 Nov 2025 09:46:24 UTC`; and as messages do.

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Returns the seconds since 1970 of a date with its time and zone, in the form of archives or in that of [`format`]; nothing
/// when the text is neither.
pub(crate) fn parse(text: &str) -> Option<i64> {
    let text = text.split_once(',').map_or(text, |(_weekday, rest)| rest);
    let mut words = text.split_whitespace();
    let first = words.next()?;
    let (year, month, day) = match first.splitn(3, '-').map(number).collect::<Option<Vec<i64>>>()?[..] {
        [year, month, day] => (year, month, day),
        [day] => {
            let name = words.next()?;
            let month = MONTHS.iter().position(|month| month.eq_ignore_ascii_case(name))? as i64 + 1;
            (number(words.next()?)?, month, day)
        }
        _ => return None,
    };
    let time = seconds_of_day(words.next()?)?;
    let zone = zone_seconds(words.next()?)?;
    let is_date =
        (1..=12).contains(&month) && (1..=days_of_month(year, month)).contains(&day) && (1970..=9999).contains(&year);
    (is_date && words.next().is_none()).then(|| days_since_1970(year, month, day) * 86_400 + time - zone)
}

/// Returns the date of a second since 1970, for people: `2025-11-15 09:46:24 UTC`.
pub(crate) fn format(seconds: i64) -> String {
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // No year is longer than 366 days, so this is not too late; from there to the right one are few steps.
    let mut year = 1970 + days.max(0) / 366;
    while days_since_1970(year + 1, 1, 1) <= days {
        year += 1;
    }
    let month = (1..=12).rev().find(|&month| days_since_1970(year, month, 1) <= days).unwrap_or(1);
    let day = days - days_since_1970(year, month, 1) + 1;
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
}

/// Returns the day of a second since 1970, for people: `2025-11-15`.
pub fn day(seconds: i64) -> String {
    let date = format(seconds);
    date.split(' ').next().unwrap_or(&date).to_owned()
}

fn seconds_of_day(text: &str) -> Option<i64> {
    let parts: Option<Vec<i64>> = text.split(':').map(number).collect();
    match parts?[..] {
        // Second 60 is a leap second.
        [hour, minute, second] if hour < 24 && minute < 60 && second <= 60 => Some(hour * 3600 + minute * 60 + second),
        _ => None,
    }
}

/// Returns by how many seconds a zone is ahead of UTC.
fn zone_seconds(text: &str) -> Option<i64> {
    let ahead = |digits: &str| {
        let value: i64 = number(digits)?;
        (digits.len() == 4 && value % 100 < 60).then_some(value / 100 * 3600 + value % 100 * 60)
    };
    match text {
        "UTC" | "GMT" | "Z" => Some(0),
        _ => match text.split_at_checked(1)? {
            ("+", digits) => ahead(digits),
            ("-", digits) => ahead(digits).map(|seconds| -seconds),
            _ => None,
        },
    }
}

/// Returns a number of at most four digits.
fn number(digits: &str) -> Option<i64> {
    let is_number = (1..=4).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { digits.parse().ok() } else { None }
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_of_month(year: i64, month: i64) -> i64 {
    match month {
        2 => 28 + i64::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    // Leap days before the year, counted from the year 0; 719,162 days lie between 0001-01-01 and 1970-01-01.
    let before = year - 1;
    let years = before * 365 + before / 4 - before / 100 + before / 400 - 719_162;
    years + (1..month).map(|month| days_of_month(year, month)).sum::<i64>() + day - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_agree_with_date_of_coreutils() {
        // Each second is what `date -d TEXT +%s` prints.
        for (text, seconds) in [
            ("Thu, 01 Jan 1970 00:00:00 UTC", 0),
            ("Sat, 15 Nov 2025 09:46:24 UTC", 1_763_199_984),
            ("Sat, 15 Nov 2025 09:46:24 +0000", 1_763_199_984),
            ("15 Nov 2025 10:46:24 +0100", 1_763_199_984),
            ("Sat, 15 Nov 2025 04:16:24 -0530", 1_763_199_984),
            ("Thu, 29 Feb 2024 23:59:59 GMT", 1_709_251_199),
            ("Tue, 29 Feb 2000 12:00:00 Z", 951_825_600),
            ("Fri, 01 Jan 2106 00:00:00 UTC", 4_291_747_200),
        ] {
            assert_eq!(parse(text), Some(seconds), "{text}");
        }
    }

    #[test]
    fn dates_are_written_as_date_of_coreutils_does() {
        // `date -u -d @SECONDS '+%F %T UTC'`
        for (seconds, text) in [
            (0, "1970-01-01 00:00:00 UTC"),
            (1_763_199_984, "2025-11-15 09:46:24 UTC"),
            (1_709_251_199, "2024-02-29 23:59:59 UTC"),
            (1_735_689_599, "2024-12-31 23:59:59 UTC"),
            (1_735_689_600, "2025-01-01 00:00:00 UTC"),
            (4_291_747_200, "2106-01-01 00:00:00 UTC"),
            (253_402_300_799, "9999-12-31 23:59:59 UTC"),
        ] {
            assert_eq!(format(seconds), text);
        }
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in [
            "",
            "Sat, 15 Nov 2025 09:46:24",
            "Sat, 29 Feb 2023 00:00:00 UTC",
            "Sat, 31 Apr 2023 00:00:00 UTC",
            "Sat, 0 Apr 2023 00:00:00 UTC",
            "Sat, 15 Nov 2025 24:00:00 UTC",
            "Sat, 15 Nov 2025 09:46 UTC",
            "Sat, 15 Nov 2025 09:46:24 CET",
            "Sat, 15 Nov 2025 09:46:24 +100",
            "Sat, 15 Nov +025 09:46:24 UTC",
            "Sat, 15 Nov 2025 09:46:24 UTC or so",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}

//! Wall-clock time as the contract writes it.

use rustix::time::{ClockId, clock_gettime};

/// RFC 3339 with nanoseconds, UTC.
pub fn now() -> String {
    let now = clock_gettime(ClockId::Realtime);
    format_time(now.tv_sec, now.tv_nsec as u32)
}

/// `seconds` and `nanoseconds` since 1970.
pub fn format_time(seconds: i64, nanoseconds: u32) -> String {
    let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil_date(days);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{nanoseconds:09}Z")
}

/// Days since 1970-01-01 as a Gregorian date (Howard Hinnant's days-to-civil).
fn civil_date(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_leap_days_and_the_years_before_1970() {
        assert_eq!(format_time(0, 0), "1970-01-01T00:00:00.000000000Z");
        assert_eq!(format_time(1_709_210_096, 7), "2024-02-29T12:34:56.000000007Z");
        assert_eq!(format_time(-1, 999_999_999), "1969-12-31T23:59:59.999999999Z");
        assert_eq!(format_time(4_102_444_799, 0), "2099-12-31T23:59:59.000000000Z");
    }
}

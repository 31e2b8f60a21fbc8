//! As much HTTP/1.1 as one request on one connection needs.

use hispos::time::UnixSeconds;

/// A longer answer is none.
pub const ANSWER_BYTES_MAX: usize = 65_536;

/// A complete answer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Names in lower case, values without the space around them.
    pub headers: Vec<(String, String)>,
    /// The body, byte for byte as signed.
    pub body: Vec<u8>,
}

impl Answer {
    /// The value of a header that is there exactly once.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(known, _)| known == name);
        match (found.next(), found.next()) {
            (Some((_, value)), None) => Some(value),
            _ => None,
        }
    }

    /// The platform's clock.
    #[must_use]
    pub fn date(&self) -> Option<UnixSeconds> {
        parse_date(self.header("date")?)
    }
}

/// What the bytes of a connection are so far.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Parsed {
    /// More has to come.
    Incomplete,
    /// No answer, and none can become of it.
    Bad,
    /// An answer.
    Whole(Answer),
}

/// Reads an answer from all bytes of its connection; `closed` when no more can come.
#[must_use]
pub fn parse(bytes: &[u8], closed: bool) -> Parsed {
    let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
        let hopeless = closed || bytes.len() > ANSWER_BYTES_MAX;
        return if hopeless { Parsed::Bad } else { Parsed::Incomplete };
    };
    let body = bytes.get(end.saturating_add(4)..).unwrap_or_default();
    let Some(mut answer) = bytes.get(..end).and_then(parse_head) else { return Parsed::Bad };
    let length = answer.header("content-length").map(str::parse::<usize>);
    // A coding that is not understood must not be mistaken for a body.
    if answer.headers.iter().any(|(name, _)| name == "transfer-encoding") {
        return Parsed::Bad;
    }
    let length = match length {
        Some(Ok(length)) if length <= ANSWER_BYTES_MAX => length,
        None if closed && body.len() <= ANSWER_BYTES_MAX => body.len(),
        None if !closed && body.len() <= ANSWER_BYTES_MAX => return Parsed::Incomplete,
        _ => return Parsed::Bad,
    };
    match body.get(..length) {
        Some(body) => {
            answer.body = body.to_vec();
            Parsed::Whole(answer)
        }
        None if closed => Parsed::Bad,
        None => Parsed::Incomplete,
    }
}

fn parse_head(head: &[u8]) -> Option<Answer> {
    let text = std::str::from_utf8(head).ok()?;
    let mut lines = text.split("\r\n");
    let mut words = lines.next()?.splitn(3, ' ');
    if !matches!(words.next()?, "HTTP/1.1" | "HTTP/1.0") {
        return None;
    }
    let status = words.next()?.parse().ok().filter(|status| (100..600).contains(status))?;
    let headers = lines
        .map(|line| {
            let (name, value) = line.split_once(':')?;
            Some((name.to_ascii_lowercase(), value.trim().to_owned()))
        })
        .collect::<Option<Vec<_>>>()?;
    Some(Answer { status, headers, body: Vec::new() })
}

/// Reads `Sun, 06 Nov 1994 08:49:37 GMT`.
#[must_use]
pub fn parse_date(text: &str) -> Option<UnixSeconds> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (_, text) = text.split_once(", ")?;
    let mut words = text.split(' ');
    let day: u64 = words.next()?.parse().ok()?;
    let month = words.next().and_then(|name| MONTHS.iter().position(|month| *month == name))?;
    let year: u64 = words.next()?.parse().ok()?;
    let mut clock = words.next()?.split(':').map(str::parse::<u64>);
    let (hour, minute, second) = (clock.next()?.ok()?, clock.next()?.ok()?, clock.next()?.ok()?);
    if words.next()? != "GMT" || !(1970..=9999).contains(&year) || !(1..=31).contains(&day) {
        return None;
    }
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    // Civil date to days, in years that begin in March.
    let month = u64::try_from(month).ok()? + 1;
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year / 400, year % 400);
    let day_of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    let days = (era * 146_097 + day_of_era).checked_sub(719_468)?;
    Some(UnixSeconds(days * 86_400 + hour * 3600 + minute * 60 + second))
}

#[cfg(test)]
mod tests {
    use super::{ANSWER_BYTES_MAX, Parsed, parse, parse_date};
    use hispos::time::UnixSeconds;

    const ANSWER: &[u8] =
        b"HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 4\r\n\r\nbody";

    #[test]
    fn an_answer_is_whole_exactly_when_its_last_byte_has_come() {
        for cut in 0..ANSWER.len() {
            assert_eq!(parse(&ANSWER[..cut], false), Parsed::Incomplete, "{cut}");
            assert_eq!(parse(&ANSWER[..cut], true), Parsed::Bad, "{cut}");
        }
        let Parsed::Whole(answer) = parse(ANSWER, false) else { panic!() };
        assert_eq!((answer.status, answer.body.as_slice()), (200, &b"body"[..]));
        assert_eq!(answer.date(), Some(UnixSeconds(784_111_777)));
    }

    #[test]
    fn a_body_without_length_ends_with_the_connection() {
        let bytes = b"HTTP/1.1 503 Unavailable\r\n\r\nsorry";
        assert_eq!(parse(bytes, false), Parsed::Incomplete);
        assert!(matches!(parse(bytes, true), Parsed::Whole(answer) if answer.body == b"sorry"));
    }

    #[test]
    fn what_is_no_answer_is_bad_at_once() {
        for bytes in [
            &b"SSH-2.0-x\r\n\r\n"[..],
            b"HTTP/1.1 abc\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 65537\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        ] {
            assert_eq!(parse(bytes, false), Parsed::Bad, "{}", String::from_utf8_lossy(bytes));
        }
        assert_eq!(parse(&vec![b'x'; ANSWER_BYTES_MAX + 1], false), Parsed::Bad);
    }

    #[test]
    fn a_header_that_comes_twice_is_not_believed() {
        let Parsed::Whole(answer) = parse(b"HTTP/1.1 200 OK\r\nA: 1\r\na: 2\r\n\r\n", true) else { panic!() };
        assert_eq!(answer.header("a"), None);
    }

    #[test]
    fn dates_are_read_and_other_texts_are_not() {
        assert_eq!(parse_date("Thu, 01 Jan 1970 00:00:00 GMT"), Some(UnixSeconds(0)));
        assert_eq!(parse_date("Tue, 29 Feb 2000 12:00:00 GMT"), Some(UnixSeconds(951_825_600)));
        assert_eq!(parse_date("Tue, 24 Nov 2026 18:51:30 GMT"), Some(UnixSeconds(1_795_546_290)));
        for bad in ["", "now", "Sun, 06 Now 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:49:37 GMT"] {
            assert_eq!(parse_date(bad), None, "{bad}");
        }
    }
}

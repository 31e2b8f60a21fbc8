//! As much HTTP/1.1 as the dialect needs: one connection, one POST, one answer, and an end in bounded time
//! whatever the other side does.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use crate::model::Millis;

/// The request line and all headers.
pub const HEAD_BYTES_MAX: usize = 8 * 1024;
/// The body.
pub const BODY_BYTES_MAX: usize = 16 * 1024;
/// From the first look at a connection to the last byte of its request.
pub const REQUEST_TIME_MAX: Duration = Duration::from_secs(5);

const WRITE_TIME_MAX: Duration = Duration::from_secs(5);
const LINGER_TIME_MAX: Duration = Duration::from_secs(1);

/// A request as it arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The target, beginning with a slash.
    pub path: String,
    /// Names in lower case, values without the space around them.
    pub headers: Vec<(String, String)>,
    /// Exactly as many bytes as announced.
    pub body: Vec<u8>,
}

/// Why no request could be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bad {
    /// The other side closed or broke the connection before the end of its request: nobody is there to answer.
    Gone,
    /// The request was not complete in time.
    Slow,
    /// Not HTTP/1.x, or a header that cannot be read.
    Malformed,
    /// Another method than POST.
    Method,
    /// No length, or a transfer coding.
    Length,
    /// More body than allowed.
    BodyTooLarge,
    /// More head than allowed.
    HeadTooLarge,
}

impl Bad {
    /// The status that says so; none if nobody is there.
    pub fn status(self) -> Option<u16> {
        match self {
            Bad::Gone => None,
            Bad::Malformed => Some(400),
            Bad::Method => Some(405),
            Bad::Slow => Some(408),
            Bad::Length => Some(411),
            Bad::BodyTooLarge => Some(413),
            Bad::HeadTooLarge => Some(431),
        }
    }
}

impl Request {
    /// The value of a header that is there exactly once.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(known, _)| known == name);
        match (found.next(), found.next()) {
            (Some((_, value)), None) => Some(value),
            _ => None,
        }
    }
}

/// Reads one request.
///
/// # Errors
/// [`Bad`]; every variant is the other side's doing.
pub fn read_request(stream: &mut TcpStream) -> Result<Request, Bad> {
    let deadline = Instant::now() + REQUEST_TIME_MAX;
    let mut bytes = Vec::new();
    let head_len = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at;
        }
        if bytes.len() >= HEAD_BYTES_MAX {
            return Err(Bad::HeadTooLarge);
        }
        read_more(stream, &mut bytes, deadline)?;
    };
    let body_start = head_len.saturating_add(4);
    let (path, headers) = parse_head(bytes.get(..head_len).unwrap_or_default())?;
    let mut request = Request { path, headers, body: Vec::new() };
    if request.headers.iter().any(|(name, _)| name == "transfer-encoding") {
        return Err(Bad::Length);
    }
    let announced = request.header("content-length").ok_or(Bad::Length)?;
    if announced.is_empty() || !announced.bytes().all(|b| b.is_ascii_digit()) {
        return Err(Bad::Malformed);
    }
    let length: usize = announced.parse().map_err(|_| Bad::BodyTooLarge)?;
    if length > BODY_BYTES_MAX {
        return Err(Bad::BodyTooLarge);
    }
    let end = body_start.saturating_add(length);
    while bytes.len() < end {
        read_more(stream, &mut bytes, deadline)?;
    }
    request.body = bytes.get(body_start..end).unwrap_or_default().to_vec();
    Ok(request)
}

/// Writes an answer and closes the connection. What goes wrong on the way is the other side's to find out.
pub fn write_answer(stream: &mut TcpStream, status: u16, now: Millis, headers: &[(&str, &str)], body: &[u8]) {
    let mut head = format!("HTTP/1.1 {status} {}\r\nDate: {}\r\n", reason(status), date(now));
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!(
        "Hispos-Sim: simulated\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    ));
    let mut bytes = head.into_bytes();
    bytes.extend_from_slice(body);
    let _ = stream.set_write_timeout(Some(WRITE_TIME_MAX));
    if stream.write_all(&bytes).is_ok() {
        linger(stream, LINGER_TIME_MAX);
    }
}

/// Says no more, and reads until the other side closes or the time is over: a close over unread bytes would
/// reset the connection and could take the answer with it.
fn linger(stream: &mut TcpStream, time: Duration) {
    let _ = stream.shutdown(Shutdown::Write);
    wait_for_close(stream, time);
}

/// Reads and forgets until the other side closes or the time is over.
pub fn wait_for_close(stream: &mut TcpStream, time: Duration) {
    let deadline = Instant::now() + time;
    let mut forgotten = Vec::new();
    while read_more(stream, &mut forgotten, deadline).is_ok() {
        forgotten.clear();
    }
}

/// A point in time as the `Date` header writes it.
pub fn date(at: Millis) -> String {
    let seconds = at.div_euclid(1000);
    let (days, of_day) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let week = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    // Civil date from days, in years that begin in March, from 0000-03-01.
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096).div_euclid(365);
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = (march_month + 2) % 12;
    let year = year_of_era + era * 400 + i64::from(month < 2);
    let named = |names: &[&'static str], at: i64| {
        usize::try_from(at).ok().and_then(|at| names.get(at).copied()).unwrap_or_default()
    };
    format!(
        "{}, {day:02} {} {year:04} {:02}:{:02}:{:02} GMT",
        named(&week, days.rem_euclid(7)),
        named(&months, month),
        of_day / 3600,
        of_day / 60 % 60,
        of_day % 60
    )
}

fn read_more(stream: &mut TcpStream, bytes: &mut Vec<u8>, deadline: Instant) -> Result<(), Bad> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err(Bad::Slow);
    }
    stream.set_read_timeout(Some(left)).map_err(|_| Bad::Gone)?;
    let mut chunk = [0; 4096];
    match stream.read(&mut chunk) {
        Ok(0) => Err(Bad::Gone),
        Ok(len) => {
            bytes.extend_from_slice(chunk.get(..len).unwrap_or_default());
            Ok(())
        }
        Err(error) => match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Err(Bad::Slow),
            io::ErrorKind::Interrupted => Ok(()),
            _ => Err(Bad::Gone),
        },
    }
}

fn parse_head(head: &[u8]) -> Result<(String, Vec<(String, String)>), Bad> {
    let text = std::str::from_utf8(head).map_err(|_| Bad::Malformed)?;
    let mut lines = text.split("\r\n");
    let words: Vec<&str> = lines.next().unwrap_or_default().split(' ').collect();
    let [method, path, "HTTP/1.1" | "HTTP/1.0"] = words.as_slice() else {
        return Err(Bad::Malformed);
    };
    if *method != "POST" {
        return Err(Bad::Method);
    }
    let mut headers = Vec::new();
    for line in lines {
        let (name, value) = line.split_once(':').ok_or(Bad::Malformed)?;
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') {
            return Err(Bad::Malformed);
        }
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    Ok(((*path).to_owned(), headers))
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        401 => "Unauthorized",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        411 => "Length Required",
        413 => "Content Too Large",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        _ => "Service Unavailable",
    }
}

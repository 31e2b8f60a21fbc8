//! Who may speak to the server: this machine, with the token, and no web page of a stranger.
//!
//! The server listens on loopback only. Three things are checked of each request: the `Host` names loopback (a page
//! whose name was bound to 127.0.0.1 says its own name there), an `Origin` is absent or loopback (a page of a stranger
//! says its own), and the bearer token is the one in the token file, which only its owner can read.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use subtle::ConstantTimeEq;

use super::Context;
use super::types::Problem;

/// Lets a request through, or refuses it before anything is looked at.
pub(crate) async fn check(State(context): State<Context>, request: Request, next: Next) -> Response {
    let open = matches!(request.uri().path(), "/health" | "/openapi.json");
    match judge(request.headers(), &context.token, open) {
        Ok(()) => next.run(request).await,
        Err((status, code, text)) => (status, axum::Json(Problem::new(code, text))).into_response(),
    }
}

type Refused = (StatusCode, &'static str, &'static str);

fn judge(headers: &HeaderMap, token: &str, open: bool) -> Result<(), Refused> {
    let host = headers.get(header::HOST).and_then(|value| value.to_str().ok());
    if !host.is_some_and(is_loopback) {
        return Err((StatusCode::FORBIDDEN, "host", "the Host header does not name this machine"));
    }
    if let Some(origin) = headers.get(header::ORIGIN) {
        let loopback = origin.to_str().ok().and_then(|origin| {
            let (scheme, rest) = origin.split_once("://")?;
            (matches!(scheme, "http" | "https") && is_loopback(rest)).then_some(())
        });
        if loopback.is_none() {
            return Err((
                StatusCode::FORBIDDEN,
                "origin",
                "a page of another origin may not ask this server",
            ));
        }
    }
    if open {
        return Ok(());
    }
    let given = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "))
        .unwrap_or_default();
    //= spec-crate/spec/security.md#books-and-machines
    //# A HIS that offers its functions to other programs of a machine MUST let only programs in that can show
    //# a secret or an account that the person who runs the HIS has allowed.
    if bool::from(given.as_bytes().ct_eq(token.as_bytes())) {
        Ok(())
    } else {
        Err((StatusCode::UNAUTHORIZED, "token", "the bearer token is missing or wrong: see the file `token`"))
    }
}

/// Whether `host` or `host:port` is a name of this machine's loopback.
fn is_loopback(host: &str) -> bool {
    let (name, port) = match host.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((name, "")) => (name, None),
            Some((name, port)) => (name, port.strip_prefix(':').or(Some("x"))),
            None => return false,
        },
        None => host.split_once(':').map_or((host, None), |(name, port)| (name, Some(port))),
    };
    port.is_none_or(|port| port.parse::<u16>().is_ok())
        && (matches!(name, "127.0.0.1" | "::1") || name.eq_ignore_ascii_case("localhost"))
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderValue, header};

    use super::{is_loopback, judge};

    fn headers(host: &str, origin: Option<&str>, token: Option<&str>) -> HeaderMap {
        let mut map = HeaderMap::new();
        map.insert(header::HOST, HeaderValue::from_str(host).unwrap());
        if let Some(origin) = origin {
            map.insert(header::ORIGIN, HeaderValue::from_str(origin).unwrap());
        }
        if let Some(token) = token {
            map.insert(header::AUTHORIZATION, HeaderValue::from_str(&format!("Bearer {token}")).unwrap());
        }
        map
    }

    fn refused(headers: &HeaderMap) -> Option<&'static str> {
        judge(headers, "right", false).err().map(|(_, code, _)| code)
    }

    #[test]
    fn only_loopback_hosts_are_answered() {
        for host in ["127.0.0.1", "127.0.0.1:7411", "localhost:7411", "LOCALHOST", "[::1]:7411", "[::1]"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in [
            "evil.example",
            "127.0.0.1.evil.example",
            "localhost.evil:1",
            "[::1",
            "127.0.0.1:x",
            "",
            "::1",
            "[::1]x",
        ] {
            assert!(!is_loopback(host), "{host}");
        }
        assert_eq!(refused(&headers("evil.example:7411", None, Some("right"))), Some("host"));
    }

    #[test]
    fn a_page_of_another_origin_is_refused_even_with_the_token() {
        assert_eq!(
            refused(&headers("localhost", Some("https://evil.example"), Some("right"))),
            Some("origin")
        );
        assert_eq!(refused(&headers("localhost", Some("null"), Some("right"))), Some("origin"));
        assert_eq!(refused(&headers("localhost", Some("http://localhost:3000"), Some("right"))), None);
    }

    //= spec-crate/spec/security.md#books-and-machines
    //= type=test
    //# A HIS that offers its functions to other programs of a machine MUST let only programs in that can show
    //# a secret or an account that the person who runs the HIS has allowed.
    #[test]
    fn the_token_is_needed_whole() {
        assert_eq!(refused(&headers("localhost", None, None)), Some("token"));
        assert_eq!(refused(&headers("localhost", None, Some("righ"))), Some("token"));
        assert_eq!(refused(&headers("localhost", None, Some("right!"))), Some("token"));
        assert_eq!(refused(&headers("localhost", None, Some("right"))), None);
    }
}

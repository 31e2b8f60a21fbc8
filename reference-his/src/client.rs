//! How the program's own commands speak to its server: over loopback, with the token file.

use std::net::SocketAddr;
use std::time::Duration;

use hispos_common::exit::Exit;
use hispos_common::output::Failure;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::{Method, Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::TcpStream;

use crate::api::types::Problem;
use crate::home::Home;

const CONNECT: Duration = Duration::from_secs(3);
/// Longer than the server lets a request wait.
const ANSWER: Duration = Duration::from_secs(90);
const BODY_BYTES_MAX: usize = 64 << 20;

/// To the server of one home directory.
#[derive(Clone, Debug)]
pub struct Client {
    address: SocketAddr,
    token: String,
}

/// A request that was not done.
#[derive(Debug)]
pub enum ClientError {
    /// Nobody listens: nothing was asked.
    Unreachable(String),
    /// The connection was lost while it was being asked: it may have been done.
    Lost(String),
    /// The server refused it: nothing was done.
    Refused(StatusCode, Problem),
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Unreachable(why) => Self::new(Exit::Unreachable, why),
            ClientError::Lost(why) => Self::new(Exit::Unknown, why),
            ClientError::Refused(status, problem) => {
                let exit = match status.as_u16() {
                    400 | 401 | 403 => Exit::Usage,
                    503 => Exit::Unknown,
                    _ => Exit::Refused,
                };
                Self::new(exit, problem.text)
            }
        }
    }
}

impl Client {
    /// Reads where the server of a home directory listens, and its token.
    ///
    /// # Errors
    ///
    /// [`Failure`] if there is no such server.
    pub fn of(home: &Home) -> Result<Self, Failure> {
        let not_there = |error: std::io::Error| {
            Failure::new(Exit::Unreachable, format!("no server runs for {}: {error}", home.path().display()))
        };
        let address = std::fs::read_to_string(home.address_file()).map_err(not_there)?;
        let address = address
            .trim()
            .parse()
            .map_err(|_| Failure::new(Exit::Unreachable, "the address file is damaged"))?;
        let token = std::fs::read_to_string(home.token_file()).map_err(not_there)?;
        Ok(Self { address, token: token.trim().to_owned() })
    }

    /// Asks with a body, and reads the answer.
    ///
    /// # Errors
    ///
    /// [`ClientError`].
    pub async fn send<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, ClientError> {
        let body = serde_json::to_vec(body).map_err(|error| ClientError::Unreachable(error.to_string()))?;
        let answer = self.raw(method, path, body).await?;
        serde_json::from_slice(&answer)
            .map_err(|error| ClientError::Lost(format!("the answer is not understood: {error}")))
    }

    /// Asks for something.
    ///
    /// # Errors
    ///
    /// [`ClientError`].
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        let answer = self.raw(Method::GET, path, Vec::new()).await?;
        serde_json::from_slice(&answer)
            .map_err(|error| ClientError::Lost(format!("the answer is not understood: {error}")))
    }

    /// Asks for something to be done whose answer is empty.
    ///
    /// # Errors
    ///
    /// [`ClientError`].
    pub async fn order(&self, path: &str, body: &impl Serialize) -> Result<(), ClientError> {
        let body = serde_json::to_vec(body).map_err(|error| ClientError::Unreachable(error.to_string()))?;
        self.raw(Method::POST, path, body).await.map(drop)
    }

    /// One request on a connection of its own.
    async fn raw(&self, method: Method, path: &str, body: Vec<u8>) -> Result<Bytes, ClientError> {
        let unreachable =
            || ClientError::Unreachable(format!("the server at {} does not answer", self.address));
        let stream = tokio::time::timeout(CONNECT, TcpStream::connect(self.address))
            .await
            .map_err(|_| unreachable())?
            .map_err(|_| unreachable())?;
        let (mut sender, connection) =
            http1::handshake::<_, Full<Bytes>>(TokioIo::new(stream)).await.map_err(|_| unreachable())?;
        let driver = tokio::spawn(connection);
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, self.address.to_string())
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token))
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(body)))
            .map_err(|error| ClientError::Unreachable(error.to_string()))?;
        let exchange = async {
            let answer = sender.send_request(request).await.map_err(|error| error.to_string())?;
            let status = answer.status();
            let body = Limited::new(answer.into_body(), BODY_BYTES_MAX).collect().await;
            body.map(|body| (status, body.to_bytes())).map_err(|error| error.to_string())
        };
        let answered = tokio::time::timeout(ANSWER, exchange).await;
        driver.abort();
        let (status, bytes) = answered
            .map_err(|_| {
                ClientError::Lost("the server does not answer: ask for the state before repeating".into())
            })?
            .map_err(|error| {
                ClientError::Lost(format!(
                    "the server was lost ({error}): ask for the state before repeating"
                ))
            })?;
        if status.is_success() {
            return Ok(bytes);
        }
        let problem = serde_json::from_slice(&bytes)
            .unwrap_or_else(|_| Problem::new("http", &format!("the server answered {status}")));
        Err(ClientError::Refused(status, problem))
    }
}

/// A text as one segment of a path.
#[must_use]
pub fn segment(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

//! The merchants whose credentials this terminal has.
//!
//! Simulated credentials never serve a production agreement, and production credentials never a simulated one.

use std::fmt;

use hispos::crypto::Secret;
use hispos::platform::{Channel, Merchant};
use serde::Deserialize;

use super::hex;
use super::transport::Endpoint;

/// The credentials of one merchant of a simulated platform.
pub struct Credential {
    /// Whose.
    pub merchant: Merchant,
    /// Where the platform is.
    pub endpoint: Endpoint,
    /// Signs requests, and answers.
    pub secret: Secret<32>,
    /// Signs reverses and refunds besides, as the client certificate does at WeChat Pay.
    pub reversal: Secret<32>,
}

//= spec-crate/spec/privacy.md#keys-and-secrets
//# A HIS and a POS MUST NOT write a private key, the site secret, a session secret or a platform credential
//# to a log, an error text or an export.
impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential").field("merchant", &self.merchant).finish_non_exhaustive()
    }
}

/// A credentials file.
#[derive(Debug)]
pub struct Credentials {
    /// One for each merchant.
    pub merchants: Vec<Credential>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    simulated: bool,
    #[serde(default)]
    url: Option<String>,
    merchants: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    channel: String,
    account: String,
    #[serde(default)]
    sub_account: String,
    secret_hex: String,
    reversal_secret_hex: String,
}

/// Why credentials cannot be used.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum CredentialsError {
    /// The file is not of the shape that it should have; never with a part of its content.
    Shape {
        /// Line of the file.
        line: usize,
    },
    /// A secret is not of 64 hexadecimal digits.
    Secret,
    /// Another channel than `wechat` and `alipay`.
    Channel,
    /// No address, neither in the file nor given.
    NoAddress,
    /// The address is not `http://HOST:PORT`.
    Address,
    /// Credentials of a real platform, which this program has no transport for.
    Production,
    /// Simulated credentials, and a production agreement.
    SimulatedForProduction,
    /// Production credentials, and a simulated agreement.
    ProductionForSimulated,
}

impl fmt::Display for CredentialsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shape { line } => write!(f, "the credentials cannot be read at line {line}"),
            Self::Secret => f.write_str("a secret is not 64 hexadecimal digits"),
            Self::Channel => f.write_str("the channels are wechat and alipay"),
            Self::NoAddress => f.write_str("the credentials name no platform: give its address"),
            Self::Address => f.write_str("a simulated platform's address is http://HOST:PORT"),
            Self::Production => f.write_str("this program has a transport for the simulated platform only"),
            Self::SimulatedForProduction => {
                f.write_str("simulated credentials are refused under a production agreement")
            }
            Self::ProductionForSimulated => {
                f.write_str("production credentials are refused under a simulated agreement")
            }
        }
    }
}

impl std::error::Error for CredentialsError {}

impl Credentials {
    /// Reads a file. `address` goes before the one in the file.
    ///
    /// # Errors
    ///
    /// [`CredentialsError`].
    pub fn read(json: &str, address: Option<&str>) -> Result<Self, CredentialsError> {
        let file: File =
            serde_json::from_str(json).map_err(|error| CredentialsError::Shape { line: error.line() })?;
        if !file.simulated {
            return Err(CredentialsError::Production);
        }
        let address = address.or(file.url.as_deref()).ok_or(CredentialsError::NoAddress)?;
        let endpoint = endpoint(address)?;
        let merchants =
            file.merchants.iter().map(|row| credential(row, &endpoint)).collect::<Result<_, _>>()?;
        Ok(Self { merchants })
    }
}

/// Lets credentials serve an agreement only if both are simulated, or neither.
///
/// # Errors
///
/// [`CredentialsError::SimulatedForProduction`] and [`CredentialsError::ProductionForSimulated`].
pub fn admit(credentials_simulated: bool, agreement_simulated: bool) -> Result<(), CredentialsError> {
    //= spec-crate/spec/payment.md#verifying-merchants
    //# A POS MUST NOT ask or pay at a simulated merchant under a production agreement, nor at a production
    //# one under a simulated agreement.
    match (credentials_simulated, agreement_simulated) {
        (true, false) => Err(CredentialsError::SimulatedForProduction),
        (false, true) => Err(CredentialsError::ProductionForSimulated),
        _ => Ok(()),
    }
}

fn credential(row: &Row, endpoint: &Endpoint) -> Result<Credential, CredentialsError> {
    let channel = Channel::ALL.into_iter().find(|channel| channel.name() == row.channel);
    let merchant = Merchant {
        channel: channel.ok_or(CredentialsError::Channel)?,
        account: row.account.clone(),
        sub_account: row.sub_account.clone(),
        simulated: true,
    };
    let (secret, reversal) = (secret(&row.secret_hex)?, secret(&row.reversal_secret_hex)?);
    Ok(Credential { merchant, endpoint: endpoint.clone(), secret, reversal })
}

fn endpoint(address: &str) -> Result<Endpoint, CredentialsError> {
    let rest = address.strip_prefix("http://").ok_or(CredentialsError::Address)?;
    let (host, port) = rest.trim_end_matches('/').rsplit_once(':').ok_or(CredentialsError::Address)?;
    let port = port.parse().map_err(|_| CredentialsError::Address)?;
    Ok(Endpoint { host: host.to_owned(), port, tls: false })
}

fn secret(digits: &str) -> Result<Secret<32>, CredentialsError> {
    hex::decode(digits).map(Secret::new).ok_or(CredentialsError::Secret)
}

#[cfg(test)]
mod tests {
    use super::{Credentials, CredentialsError, admit};

    const SECRET: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

    fn file(simulated: bool, channel: &str, secret: &str) -> String {
        format!(
            r#"{{"simulated":{simulated},"url":"http://127.0.0.1:8080","merchants":[{{"channel":"{channel}",
               "account":"1900000001","secret_hex":"{secret}","reversal_secret_hex":"{SECRET}"}}]}}"#
        )
    }

    //= spec-crate/spec/privacy.md#keys-and-secrets
    //= type=test
    //# A HIS and a POS MUST NOT write a private key, the site secret, a session secret or a platform
    //# credential to a log, an error text or an export.
    #[test]
    fn credentials_are_read_and_never_printed() {
        let read = Credentials::read(&file(true, "wechat", SECRET), None).unwrap();
        assert_eq!(read.merchants[0].secret.expose()[31], 0x1f);
        assert_eq!(read.merchants[0].endpoint.to_string(), "127.0.0.1:8080");
        let printed = format!("{read:?}");
        assert!(!printed.contains("secret") && !printed.contains("1f"), "{printed}");
    }

    #[test]
    fn what_is_wrong_is_said_without_showing_it() {
        let bad = |json: &str| Credentials::read(json, None).unwrap_err();
        assert_eq!(bad("{"), CredentialsError::Shape { line: 1 });
        assert_eq!(bad(&file(true, "wechat", &SECRET[2..])), CredentialsError::Secret);
        assert_eq!(bad(&file(true, "wechat", &SECRET.replace('0', "x"))), CredentialsError::Secret);
        assert_eq!(bad(&file(true, "card", SECRET)), CredentialsError::Channel);
        assert_eq!(bad(&file(false, "wechat", SECRET)), CredentialsError::Production);
        let json = file(true, "wechat", SECRET);
        for address in ["https://127.0.0.1:1", "127.0.0.1:1", "http://127.0.0.1", "http://a:99999"] {
            assert_eq!(Credentials::read(&json, Some(address)).unwrap_err(), CredentialsError::Address);
        }
    }

    #[test]
    fn simulated_and_production_never_mix() {
        assert_eq!(admit(true, false), Err(CredentialsError::SimulatedForProduction));
        assert_eq!(admit(false, true), Err(CredentialsError::ProductionForSimulated));
        assert_eq!((admit(true, true), admit(false, false)), (Ok(()), Ok(())));
    }
}

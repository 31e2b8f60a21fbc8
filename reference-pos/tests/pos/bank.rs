//! The simulated platform, served inside the test; its book outlives every terminal.

use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;

use hispos_provider_sim::book::Book;
use hispos_provider_sim::model::{Channel, Merchant, Rules};
use hispos_provider_sim::server::{Server, now};
use hispos_provider_sim::store::{Account, Store};
use tempfile::TempDir;

pub(crate) struct Bank {
    dir: TempDir,
    pub(crate) url: String,
}

const SECRET: [u8; 32] = [0x11; 32];
const REVERSAL: [u8; 32] = [0x22; 32];

impl Bank {
    /// A platform with one merchant of each channel, whose stories run twenty times as fast.
    pub(crate) fn open() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let account = |channel, account: &str| Account {
            merchant: Merchant { channel, account: account.into(), sub_account: String::new() },
            secret: SECRET,
            reversal: REVERSAL,
        };
        let accounts = [account(Channel::Wechat, "1900000001"), account(Channel::Alipay, "2021000001")];
        let store = Store::create(dir.path(), &[9; 32], &accounts).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let rules = Rules { seed: 7, scale_permille: 50, book_key: [9; 32] };
        std::thread::spawn(move || Arc::new(Server::new(store, rules)).run(&listener));
        Self { dir, url }
    }

    /// The credentials of both merchants, with this secret in place of the right one if `secret` is given.
    pub(crate) fn credentials(&self, secret: Option<&str>) -> String {
        let hex = |byte: u8| format!("{byte:02x}").repeat(32);
        let secret = secret.map_or_else(|| hex(0x11), str::to_owned);
        let row = |channel: &str, account: &str| {
            serde_json::json!({"channel": channel, "account": account, "sub_account": "",
                               "secret_hex": secret, "reversal_secret_hex": hex(0x22)})
        };
        serde_json::json!({"simulated": true, "url": self.url,
                           "merchants": [row("wechat", "1900000001"), row("alipay", "2021000001")]})
        .to_string()
    }

    pub(crate) fn write_credentials(&self, path: &Path) {
        std::fs::write(path, self.credentials(None)).unwrap();
        #[cfg(unix)]
        std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    }

    /// The whole book.
    pub(crate) fn book(&self) -> Book {
        Book::read(&mut Store::open_to_read(self.dir.path()).unwrap(), None, now()).unwrap()
    }
}

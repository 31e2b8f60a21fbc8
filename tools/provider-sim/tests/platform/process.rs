//! The program as a process, and a caller of its dialect.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Mutex;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hispos_provider_sim::sign;
use serde_json::{Value, json};
use tempfile::TempDir;

/// A platform with one merchant of each channel.
pub(crate) struct Platform {
    pub(crate) dir: TempDir,
    pub(crate) address: String,
    secrets: Vec<(String, sign::Key, sign::Key)>,
    child: Mutex<Child>,
}

/// An answer as it arrived.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Value,
    /// Whether the signature binds this answer to its request.
    pub(crate) signed: bool,
}

pub(crate) fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_provider-sim"))
}

pub(crate) fn run(arguments: &[&str]) -> Output {
    program().args(arguments).output().unwrap()
}

pub(crate) fn init(dir: &Path) -> Output {
    let merchants = ["--merchant", "wechat:1900000001", "--merchant", "alipay:2021000001:2088000001"];
    program().args(["init", "--dir"]).arg(dir).args(merchants).output().unwrap()
}

impl Platform {
    pub(crate) fn start() -> Platform {
        Platform::start_scaled("0.05")
    }

    pub(crate) fn start_scaled(scale: &str) -> Platform {
        let dir = TempDir::new().unwrap();
        assert!(init(dir.path()).status.success());
        let text = std::fs::read_to_string(dir.path().join("credentials.json")).unwrap();
        let credentials: Value = serde_json::from_str(&text).unwrap();
        let key = |row: &Value, name: &str| {
            sign::from_hex(row[name].as_str().unwrap()).unwrap().try_into().unwrap()
        };
        let secrets = credentials["merchants"].as_array().unwrap().iter().map(|row| {
            let channel = row["channel"].as_str().unwrap().to_owned();
            (channel, key(row, "secret_hex"), key(row, "reversal_secret_hex"))
        });
        let secrets = secrets.collect();
        let (child, address) = serve(dir.path(), scale);
        Platform { dir, address, secrets, child: Mutex::new(child) }
    }

    /// As by `kill -9`: the process gets no chance to do anything.
    pub(crate) fn kill(&self) {
        let mut child = self.child.lock().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    pub(crate) fn start_again(&mut self) {
        let (child, address) = serve(self.dir.path(), "0.05");
        (self.child, self.address) = (Mutex::new(child), address);
    }

    pub(crate) fn secret(&self, channel: &str) -> &sign::Key {
        &self.secrets.iter().find(|(name, ..)| name == channel).unwrap().1
    }

    pub(crate) fn reversal_secret(&self, channel: &str) -> &sign::Key {
        &self.secrets.iter().find(|(name, ..)| name == channel).unwrap().2
    }

    /// A whole request with the right signatures.
    pub(crate) fn request(&self, path: &str, body: &Value) -> (Vec<u8>, String) {
        let channel = body["channel"].as_str().unwrap();
        let text = body.to_string();
        let parts = sign::request_parts(path, text.as_bytes());
        let signature = sign::to_hex(&sign::digest(self.secret(channel), &parts));
        let reversal = sign::to_hex(&sign::digest(self.reversal_secret(channel), &parts));
        (raw(path, &text, &signature, &reversal), signature)
    }

    /// Calls an endpoint; none if the connection ended without an answer.
    pub(crate) fn try_call(&self, path: &str, body: &Value) -> Option<Reply> {
        let (bytes, signature) = self.request(path, body);
        let secret = self.secret(body["channel"].as_str().unwrap());
        exchange(&self.address, &bytes, secret, &signature)
    }

    pub(crate) fn call(&self, path: &str, body: &Value) -> Reply {
        self.try_call(path, body).unwrap()
    }

    /// Asks for one number and gives the whole body.
    pub(crate) fn query(&self, channel: &str, number: &str) -> Value {
        self.call("/v1/query", &with_merchant(channel, json!({"number": number}))).body
    }

    pub(crate) fn export(&self) -> Value {
        let output = run(&["export", "--json", "--dir", self.dir.path().to_str().unwrap()]);
        assert!(output.status.success(), "{output:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

impl Drop for Platform {
    fn drop(&mut self) {
        if let Ok(mut child) = self.child.lock() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn serve(dir: &Path, scale: &str) -> (Child, String) {
    let mut child = program()
        .args(["serve", "--scale", scale, "--dir"])
        .arg(dir)
        .stdout(Stdio::piped())
        .stderr(std::fs::OpenOptions::new().create(true).append(true).open(dir.join("log")).unwrap())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let line: Value = serde_json::from_str(&line).unwrap();
    (child, line["address"].as_str().unwrap().to_owned())
}

pub(crate) fn raw(path: &str, body: &str, signature: &str, reversal: &str) -> Vec<u8> {
    format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nHispos-Sim-Signature: {signature}\r\n\
         Hispos-Sim-Reversal-Signature: {reversal}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// Writes bytes, reads until the end.
pub(crate) fn exchange_bytes(address: &str, bytes: &[u8]) -> Vec<u8> {
    let Ok(mut stream) = TcpStream::connect(address) else { return Vec::new() };
    stream.set_read_timeout(Some(Duration::from_secs(15))).unwrap();
    let _ = stream.write_all(bytes);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    answer
}

pub(crate) fn exchange(address: &str, bytes: &[u8], secret: &sign::Key, request: &str) -> Option<Reply> {
    parse(&exchange_bytes(address, bytes), secret, request)
}

fn parse(answer: &[u8], secret: &sign::Key, request: &str) -> Option<Reply> {
    let split = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = String::from_utf8(answer[..split].to_vec()).unwrap();
    let body = &answer[split + 4..];
    let length = header(&head, "Content-Length")?.parse::<usize>().unwrap();
    if body.len() < length {
        return None;
    }
    let status: u16 = head.split(' ').nth(1).unwrap().parse().unwrap();
    let signature = header(&head, "Hispos-Sim-Signature").unwrap_or_default();
    let signed = signature == sign::sign_answer(secret, status, request, body);
    Some(Reply { status, body: serde_json::from_slice(body).unwrap(), signed, head })
}

pub(crate) fn header(head: &str, name: &str) -> Option<String> {
    head.lines().find_map(|line| line.strip_prefix(&format!("{name}: "))).map(str::to_owned)
}

pub(crate) fn with_merchant(channel: &str, mut body: Value) -> Value {
    body["channel"] = json!(channel);
    let wechat = channel == "wechat";
    body["account"] = json!(if wechat { "1900000001" } else { "2021000001" });
    body["sub_account"] = json!(if wechat { "" } else { "2088000001" });
    body
}

/// A pay request that is valid for 90 s.
pub(crate) fn pay_body(channel: &str, number: &str, total: i64, code: &str) -> Value {
    let expires_at = seconds() + 90;
    let subject = "医院缴费";
    with_merchant(
        channel,
        json!({"number": number, "total": total, "code": code, "expires_at": expires_at, "subject": subject}),
    )
}

pub(crate) fn seconds() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64
}

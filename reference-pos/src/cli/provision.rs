//! `device`, `agreement`, `terminals`: who this terminal is, and whom it serves.

use std::io;
use std::path::PathBuf;

use clap::Subcommand;
use hispos::crypto::ed25519_public;
use hispos::message::agreement;
use hispos_common::clock;
use hispos_common::entropy::OsEntropy;
use hispos_common::exit::Exit;
use hispos_common::output::Failure;
use hispos_common::request::{KeyKind, KeyRequest};
use hispos_common::{files, keys};
use serde_json::{Value, json};

use super::Context;
use crate::control;
use crate::home::{self, Trust};
use crate::provisioning::{self, Held};

#[derive(Debug, Subcommand)]
pub(super) enum Device {
    /// Make this device's key. A key is never replaced: a replacement device gets a new id.
    Init {
        /// The device id, 1 to 24 of 0-9 A-Z a-z . _ -
        #[arg(long, value_name = "ID")]
        id: String,
        /// The number on the housing.
        #[arg(long, value_name = "NUMBER")]
        serial_no: String,
    },
    /// Write the request for the terminal company's device manifest. It holds no secret.
    Request {
        /// The file to write; without it the request is printed.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum Agreement {
    /// Take a signed agreement over. The first time it shows both fingerprints and is refused: compare them with both
    /// organisations by another way, then repeat with them.
    Import {
        /// The `.hispos` file, or its armoured form.
        file: PathBuf,
        /// The hospital's fingerprint, as its people read it to you.
        #[arg(long, value_name = "FINGERPRINT", requires = "pos_organisation")]
        his_organisation: Option<String>,
        /// The terminal company's fingerprint, as its people read it to you.
        #[arg(long, value_name = "FINGERPRINT", requires = "his_organisation")]
        pos_organisation: Option<String>,
    },
    /// Show the agreements held, newest first.
    Show,
}

#[derive(Debug, Subcommand)]
pub(super) enum Terminals {
    /// Take the hospital's signed terminal manifest over.
    Import {
        /// The `.hispos` file, or its armoured form.
        file: PathBuf,
    },
    /// Show the terminals of the newest manifest.
    Show,
}

pub(super) fn device(command: Device, context: &Context) -> Result<(), Failure> {
    match command {
        Device::Init { id, serial_no } => init(&id, serial_no, context),
        Device::Request { out } => request(out, context),
    }
}

fn init(id: &str, serial_no: String, context: &Context) -> Result<(), Failure> {
    let home = &context.home;
    let device_id = provisioning::device_id(id)?;
    if !(1..=32).contains(&serial_no.len()) || !serial_no.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Failure::new(Exit::Usage, "a serial number has 1 to 32 visible ASCII characters"));
    }
    home.make("").map_err(Failure::about(Exit::Refused, home.path().display()))?;
    let made = keys::create(&home.key_file(), &mut OsEntropy);
    let key = made.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => Failure::new(
            Exit::Refused,
            "this device has a key already; a replacement gets a new id and a new home",
        ),
        _ => Failure::new(Exit::Refused, format!("the key cannot be written: {error}")),
    })?;
    let device = home::Device { device_id: device_id.as_str().to_owned(), serial_no };
    home.write_device(&device).map_err(Failure::about(Exit::Refused, "device.json"))?;
    let object = request_of(&device, &ed25519_public(&key))?;
    context.output.say(&object, format!("device {device_id} is made; next: hispos-pos device request"));
    Ok(())
}

fn request(out: Option<PathBuf>, context: &Context) -> Result<(), Failure> {
    let device = known_device(context)?;
    let key = keys::load(&context.home.key_file()).map_err(Failure::about(Exit::Refused, "device.key"))?;
    let public = ed25519_public(&key);
    let object = request_of(&device, &public)?;
    let Some(out) = out else {
        context.output.say(&object, &object);
        return Ok(());
    };
    KeyRequest::new(KeyKind::Device, &device.device_id, &device.serial_no, &public)
        .write(&out)
        .map_err(Failure::about(Exit::Refused, out.display()))?;
    context.output.say(&object, format!("written to {}: give it to the terminal company", out.display()));
    Ok(())
}

fn request_of(device: &home::Device, key: &[u8; 32]) -> Result<Value, Failure> {
    let request = KeyRequest::new(KeyKind::Device, &device.device_id, &device.serial_no, key);
    serde_json::to_value(request).map_err(|error| Failure::new(Exit::Usage, error))
}

/// The device, or how to make it.
pub(super) fn known_device(context: &Context) -> Result<home::Device, Failure> {
    let device = context.home.device().map_err(Failure::about(Exit::Usage, "device.json"))?;
    device.ok_or_else(|| {
        let why = format!("{} is no terminal's home: hispos-pos device init", context.home.path().display());
        Failure::new(Exit::Usage, why)
    })
}

pub(super) fn agreement(command: Agreement, context: &Context) -> Result<(), Failure> {
    match command {
        Agreement::Import { file, his_organisation, pos_organisation } => {
            known_device(context)?;
            let bytes = files::read(&file).map_err(Failure::about(Exit::Usage, file.display()))?;
            let told = his_organisation.zip(pos_organisation).map(|(his_organisation, pos_organisation)| {
                Trust { his_organisation, pos_organisation, earlier: Vec::new() }
            });
            let agreement = provisioning::import_agreement(&context.home, &bytes, told.as_ref())?;
            let text = format!("agreement {} is held", agreement.terms().agreement_no);
            context.output.say(&agreement_object(&agreement), text);
            reload(context)
        }
        Agreement::Show => {
            for agreement in Held::load(&context.home)?.agreements {
                let terms = agreement.terms();
                let kind = if terms.simulated { "simulated" } else { "production" };
                let text = format!("agreement {} of site {}, {kind}", terms.agreement_no, terms.site_id);
                context.output.say(&agreement_object(&agreement), text);
            }
            Ok(())
        }
    }
}

fn agreement_object(agreement: &agreement::Agreement) -> Value {
    let terms = agreement.terms();
    json!({
        "agreement_no": terms.agreement_no, "site_id": terms.site_id.as_str(), "site_code": terms.site_code.as_str(),
        "simulated": terms.simulated, "his_organisation": terms.his_organisation.fingerprint(),
        "pos_organisation": terms.pos_organisation.fingerprint(),
    })
}

pub(super) fn terminals(command: Terminals, context: &Context) -> Result<(), Failure> {
    match command {
        Terminals::Import { file } => {
            known_device(context)?;
            let bytes = files::read(&file).map_err(Failure::about(Exit::Usage, file.display()))?;
            let manifest = provisioning::import_terminals(&context.home, &bytes)?;
            let (serial, count) = (manifest.serial(), manifest.entries().len());
            let text = format!("terminal manifest {serial} is held, with {count} terminals");
            context.output.say(&json!({"serial": serial, "terminals": count}), text);
            reload(context)
        }
        Terminals::Show => {
            let held = Held::load(&context.home)?;
            let manifest = held.terminals.ok_or_else(|| {
                Failure::new(Exit::Refused, "no terminal manifest is held: hispos-pos terminals import FILE")
            })?;
            for (id, name) in provisioning::names(&manifest) {
                context
                    .output
                    .say(&json!({"terminal_id": id.as_str(), "window": name}), format!("{id}  {name}"));
            }
            for (id, warning) in manifest.warnings(clock::unix()) {
                let object = json!({"terminal_id": id.as_str(), "warning": warning});
                context.output.say(&object, format!("{id} {warning}"));
            }
            Ok(())
        }
    }
}

/// Has a running program take the import over. If none runs, the next start does.
fn reload(context: &Context) -> Result<(), Failure> {
    match control::ask(&context.home.control_file(), control::Ask::Reload) {
        Ok(answer) if answer.get("ok") == Some(&Value::Bool(false)) => {
            let why = answer.get("why").and_then(Value::as_str).unwrap_or_default();
            Err(Failure::new(
                Exit::Refused,
                format!("imported, but the running terminal did not take it: {why}"),
            ))
        }
        Err(control::ControlError::NoAnswer) => {
            Err(Failure::new(Exit::Unknown, "imported, but the running terminal does not answer: restart it"))
        }
        _ => Ok(()),
    }
}

//! The machines of a site: its software terminals, and the devices that it may use.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use hispos::crypto::ed25519_public;
use hispos::ids::{DeviceId, TerminalId};
use hispos_common::clock;
use hispos_common::exit::Exit;
use hispos_common::files;
use hispos_common::folder::Kept;
use hispos_common::output::Failure;
use hispos_common::request::{KeyKind, KeyRequest};
use serde_json::json;

use super::files::about;
use super::{Context, Out};
use crate::api::types::{BlockRequest, TwoPeople};
use crate::client::{Client, ClientError, segment};
use crate::home::{Bound, parse_line};
use crate::provisioning::organisation::hex;
use crate::provisioning::{self, open_devices};

/// Software terminals.
#[derive(Debug, Subcommand)]
pub(crate) enum Terminal {
    /// Make the key of a software terminal. It never leaves this machine.
    Init {
        /// Its id.
        terminal: TerminalId,
    },
    /// Write the request for the hospital's terminal manifest.
    Request {
        /// Its id.
        terminal: TerminalId,
        /// The window's name.
        #[arg(long, value_name = "NAME")]
        window_name: String,
        #[command(flatten)]
        out: Out,
    },
}

/// Devices of this site.
#[derive(Debug, Subcommand)]
pub(crate) enum Devices {
    /// Take a device manifest over.
    Import {
        /// The file.
        file: PathBuf,
    },
    /// List the devices.
    List,
    /// Block a device at this site, whatever the manifest says: no new orders; what it holds ends normally.
    Revoke {
        /// Its id.
        device: DeviceId,
    },
    /// Lift the site's own block.
    Allow {
        /// Its id.
        device: DeviceId,
    },
    /// After the ledger went back: two people go on without the list of a device that cannot answer.
    WithoutList {
        /// Its id.
        device: DeviceId,
        /// One of the two people; give it twice.
        #[arg(long, required = true)]
        by: Vec<String>,
    },
    /// Bind a device to a software terminal. Takes effect at the server's next start.
    Bind {
        /// Its id.
        device: DeviceId,
        /// The software terminal.
        #[arg(long)]
        terminal: TerminalId,
        /// serial:PORT[@BAUD], dial:HOST:PORT, listen:ADDRESS:PORT or pty[:LINK].
        #[arg(long)]
        line: String,
    },
}

pub(crate) fn terminal(command: Terminal, context: &Context) -> Result<(), Failure> {
    let (terminal, out) = match command {
        Terminal::Init { terminal } => {
            let seed = context
                .home
                .make_terminal_key(terminal.as_str())
                .map_err(Failure::about(Exit::Refused, &terminal))?;
            let key = hex(&ed25519_public(&seed));
            context.output.say(
                &json!({"ok": true, "terminal_id": terminal.as_str(), "public_key": key}),
                format!("public key {key}"),
            );
            return Ok(());
        }
        Terminal::Request { terminal, window_name, out } => ((terminal, window_name), out),
    };
    let (terminal, window_name) = terminal;
    let seed =
        context.home.terminal_key(terminal.as_str()).map_err(Failure::about(Exit::Usage, &terminal))?;
    let request = KeyRequest::new(KeyKind::Terminal, terminal.as_str(), &window_name, &ed25519_public(&seed));
    request.write(&out.out).map_err(about(&out.out))?;
    context.output.say(&json!({"ok": true, "request": request}), "give it to the hospital's organisation");
    Ok(())
}

pub(crate) async fn devices(command: Devices, context: &Context) -> Result<(), Failure> {
    match command {
        Devices::Import { file } => {
            import_devices(&file, context)?;
            tell_server(context).await
        }
        Devices::List => list(context),
        Devices::Revoke { device } => block(&device, true, context).await,
        Devices::Allow { device } => block(&device, false, context).await,
        Devices::WithoutList { device, by } => {
            let path = format!("/devices/{}/without-list", segment(device.as_str()));
            Client::of(&context.home)?.order(&path, &TwoPeople { by }).await?;
            context.output.say(&json!({"ok": true, "device_id": device.as_str()}), "recorded");
            Ok(())
        }
        Devices::Bind { device, terminal, line } => bind(&device, &terminal, &line, context),
    }
}

fn import_devices(path: &Path, context: &Context) -> Result<(), Failure> {
    let agreements = provisioning::agreements(&context.home)?;
    let newest = agreements.first().ok_or_else(|| Failure::new(Exit::Usage, "import an agreement first"))?;
    let bytes = files::read(path).map_err(about(path))?;
    let devices = open_devices(&bytes, newest)?;
    let held = context.home.kept(Kept::Devices).map_err(about(path))?;
    if let Some((_, held)) = held.first() {
        let held = open_devices(held, newest)?;
        held.check_successor(&devices).map_err(Failure::about(Exit::Refused, path.display()))?;
    }
    context.home.keep(Kept::Devices, devices.serial(), &bytes).map_err(about(path))?;
    let text = format!("device manifest {}: {} devices", devices.serial(), devices.entries().len());
    context
        .output
        .say(&json!({"ok": true, "serial": devices.serial(), "devices": devices.entries().len()}), text);
    Ok(())
}

fn list(context: &Context) -> Result<(), Failure> {
    let provisioned = provisioning::load(&context.home)?;
    let site = context.home.site().map_err(Failure::about(Exit::Usage, "site.json"))?;
    let now = clock::unix();
    for device in provisioned.devices.entries() {
        let warning = provisioned.devices.warnings(now).find(|(id, _)| **id == device.id);
        let warning = warning.map(|(_, warning)| warning);
        let bound = site.windows.iter().find(|bound| bound.device == device.id.as_str());
        let window = bound.map_or("not bound", |bound| bound.window.as_str());
        let state =
            device.revocation.map_or_else(|| "good".to_owned(), |revocation| format!("{revocation:?}"));
        let object = json!({
            "device_id": device.id.as_str(), "serial_no": device.name, "window": bound.map(|bound| &bound.window),
            "line": bound.map(|bound| &bound.line), "state": state,
            "valid_from": device.valid_from.0, "valid_until": device.valid_until.0, "warning": warning,
        });
        let warning = warning.map_or_else(String::new, |warning| format!("; {warning}"));
        context.output.say(&object, format!("{} {} {window} {state}{warning}", device.id, device.name));
    }
    Ok(())
}

async fn block(device: &DeviceId, blocked: bool, context: &Context) -> Result<(), Failure> {
    let path = format!("/devices/{}/block", segment(device.as_str()));
    Client::of(&context.home)?.order(&path, &BlockRequest { blocked }).await?;
    let text = if blocked { "blocked: no new orders; what it holds ends normally" } else { "allowed again" };
    context.output.say(&json!({"ok": true, "device_id": device.as_str(), "blocked": blocked}), text);
    Ok(())
}

fn bind(device: &DeviceId, terminal: &TerminalId, line: &str, context: &Context) -> Result<(), Failure> {
    parse_line(line).map_err(|text| Failure::new(Exit::Usage, text))?;
    let provisioned = provisioning::load(&context.home)?;
    if provisioned.devices.device(device).is_none() {
        return Err(Failure::new(
            Exit::Refused,
            format!("{device} is in no manifest: `devices list` shows those that are"),
        ));
    }
    context.home.terminal_key(terminal.as_str()).map_err(Failure::about(Exit::Refused, terminal))?;
    let mut site = context.home.site().map_err(Failure::about(Exit::Usage, "site.json"))?;
    site.windows.retain(|bound| bound.window != terminal.as_str() && bound.device != device.as_str());
    site.windows.push(Bound {
        window: terminal.to_string(),
        device: device.to_string(),
        line: line.to_owned(),
    });
    context.home.write_site(&site).map_err(Failure::about(Exit::Usage, "site.json"))?;
    let object =
        json!({"ok": true, "device_id": device.as_str(), "terminal_id": terminal.as_str(), "line": line});
    context.output.say(&object, "bound; it takes effect at the server's next start");
    Ok(())
}

/// Has a running server read again what was imported. Without one the next start does.
async fn tell_server(context: &Context) -> Result<(), Failure> {
    let Ok(client) = Client::of(&context.home) else {
        return Ok(());
    };
    match client.order("/provision", &json!({})).await {
        Ok(()) | Err(ClientError::Unreachable(_)) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

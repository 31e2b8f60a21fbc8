//! What the programs of the stories are started with.

use hispos::link::{HisConfig, PosConfig};
use hispos::message::agreement::Agreement;
use hispos::platform::Channel;

use crate::draws::known;
use crate::site::{DEVICE, SOFTWARE, Site, TERMINAL, seed, words};

/// What a HIS is started with.
pub(crate) fn his(site: &Site) -> Result<HisConfig, String> {
    Ok(HisConfig {
        terminal_id: TERMINAL.try_into().map_err(words::<hispos::ids::IdError>)?,
        terminal_seed: seed("terminal"),
        site_secret: seed("site secret"),
        device_id: DEVICE.try_into().map_err(words::<hispos::ids::IdError>)?,
        agreements: vec![site.agreement.clone()],
        devices: site.devices.clone(),
    })
}

/// What a POS is started with; `boot`: another than that of its machine's first start.
pub(crate) fn pos(site: &Site, boot: Option<[u8; 16]>) -> Result<PosConfig, String> {
    let agreements: Vec<_> = site.newer.iter().chain([&site.agreement]).cloned().collect();
    let of = |agreement: &Agreement| Channel::ALL.map(|channel| agreement.merchant(channel));
    let merchants = agreements.iter().flat_map(of).flatten().collect();
    Ok(PosConfig {
        device_id: DEVICE.try_into().map_err(words::<hispos::ids::IdError>)?,
        device_seed: seed("device"),
        boot: boot.unwrap_or_else(|| known("boot")),
        software: SOFTWARE.into(),
        agreements,
        terminals: site.terminals.clone(),
        merchants,
    })
}

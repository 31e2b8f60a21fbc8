//! The two ends of a cell's cable: ports and pseudo-terminals.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU16, Ordering};

use hispos_common::line::LineConfig;

use crate::provision::Places;
use crate::tell::Told;

/// The ports of the lines.
const FIRST_PORT: u16 = 20_000;
const PORTS: u16 = 10_000;

/// A kind of line.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wire {
    Tcp,
    Serial,
}

impl Wire {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Serial => "serial",
        }
    }
}

/// The ends of the cable.
pub(crate) struct Ends {
    pub(crate) near: LineConfig,
    /// Where the HIS and where the POS finds its end: a port and a tty.
    pub(crate) his: (u16, String),
    pub(crate) pos: (u16, String),
    pub(crate) wire: Wire,
}

impl Ends {
    pub(crate) fn new(places: &Places, wire: Wire) -> Told<Self> {
        let his = (free_port()?, places.text("his.tty"));
        let pos = (free_port()?, places.text("pos.tty"));
        let near = match wire {
            Wire::Tcp => LineConfig::Listen(([127, 0, 0, 1], his.0).into()),
            Wire::Serial => LineConfig::Pty { link: Some(his.1.clone().into()) },
        };
        Ok(Self { near, his, pos, wire })
    }

    pub(crate) fn far(&self) -> LineConfig {
        match self.wire {
            Wire::Tcp => LineConfig::Dial(format!("127.0.0.1:{}", self.pos.0)),
            Wire::Serial => LineConfig::Pty { link: Some(self.pos.1.clone().into()) },
        }
    }
}

/// A port that no cell of this run had, below those that the system hands out: neither a connection of another program
/// nor the cable itself, which dials while the POS does not listen, can have it when the POS begins to.
fn free_port() -> Told<u16> {
    static TRIED: AtomicU16 = AtomicU16::new(0);
    // Two tables at the same time begin at different places.
    let first = u16::try_from(std::process::id() % u32::from(PORTS)).unwrap_or(0);
    for _ in 0..PORTS {
        let port = FIRST_PORT + (first + TRIED.fetch_add(1, Ordering::Relaxed) % PORTS) % PORTS;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    Err("no free port".into())
}

//! The reference terminal program: how a payment terminal embeds `hispos`.
//!
//! In reading order: [`driver`] is the loop around the link, [`terminal`] what the patient sees, [`asker`] and
//! [`payment`] the platforms, [`scanner`] and [`control`] where codes and commands come from, [`home`] and
//! [`provisioning`] what the terminal holds, [`cli`] the commands.

pub mod asker;
pub mod cli;
pub mod control;
pub mod driver;
pub mod home;
pub mod payment;
pub mod provisioning;
pub mod scanner;
pub mod terminal;

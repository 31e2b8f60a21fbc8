//! The terminal as its neighbours meet it: a platform, a HIS, people at a shell.

#![cfg(test)]

mod asking;
mod bank;
mod commands;
mod desk;
mod serving;
mod world;

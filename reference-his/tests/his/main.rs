//! The program as people use it: its commands, its interface, and a terminal at the other end of the line.

mod commands;
mod server;
mod site;
mod terminal;

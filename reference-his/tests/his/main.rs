//! The program as people use it: its commands, its interface, and a terminal at the other end of the line.

#[cfg(test)]
mod commands;
#[cfg(test)]
mod server;
#[cfg(test)]
mod site;
#[cfg(test)]
mod terminal;

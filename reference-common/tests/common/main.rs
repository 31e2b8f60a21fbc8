//! Books and lines as the programs use them: real files, real processes, real streams.

#![cfg(test)]

mod book;
mod crash;
mod line;

//! The public interface of the crate, tested from outside.

#[cfg(test)]
mod conversations;
#[cfg(test)]
mod crypto;
#[cfg(test)]
mod frame;
#[cfg(test)]
mod support;
#[cfg(test)]
mod trace;
#[cfg(test)]
mod vectors;

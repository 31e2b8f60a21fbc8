//! The cases of the specification as scripted conversations: a deliberate fault at a deliberate moment.

#[cfg(test)]
mod books;
#[cfg(test)]
mod foreign;
#[cfg(test)]
mod hostile_his;
#[cfg(test)]
mod hostile_pos;
#[cfg(test)]
mod orders;
#[cfg(test)]
mod platform;
#[cfg(test)]
mod refunds;
#[cfg(test)]
mod scene;
#[cfg(test)]
mod sessions;
#[cfg(test)]
mod states;
#[cfg(test)]
mod systematic;
#[cfg(test)]
mod table;

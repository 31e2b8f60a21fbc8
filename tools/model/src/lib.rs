//! The real order flow, explored exhaustively.
//!
//! Both links, both books and both adapters' worlds are those of `hispos-sim`; here nothing is drawn. Whatever a
//! payer, a cashier, a network, a platform, a line, a store or a power plug may do is a [`chooser`]'s choice, and a
//! [`space`] takes every one of them, within small budgets, so that the space is finite.
//!
//! Links cannot be copied: they hold secrets, and secrets have no `Clone`. So a state is not a copy of a world but the
//! list of choices that leads to it, with its digest: the world is [`lived`](life) again from the start with other
//! choices. One life gives all the states along it, so that a world is lived once for each choice that differs and not
//! once for each state.

pub mod chooser;
pub mod life;
pub mod mutants;
pub mod scope;
pub mod space;

mod drive;

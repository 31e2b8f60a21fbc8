//! Links and machines by name.

/// A link: of HIS, or of a POS, at a desk.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Node {
    /// The HIS end.
    His(usize),
    /// The POS end.
    Pos(usize),
}

/// A machine with one program and one book: HIS, or the terminal of a desk.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Machine {
    /// The one HIS.
    His,
    /// A terminal.
    Pos(usize),
}

impl Node {
    /// The machine that runs it.
    #[must_use]
    pub fn machine(self) -> Machine {
        match self {
            Self::His(_) => Machine::His,
            Self::Pos(desk) => Machine::Pos(desk),
        }
    }
}

/// The desk of a link.
pub(crate) fn desk_of(node: Node) -> usize {
    match node {
        Node::His(desk) | Node::Pos(desk) => desk,
    }
}

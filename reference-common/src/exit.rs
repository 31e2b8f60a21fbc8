//! How every command ends: one table of exit codes for both programs.

use std::process::{ExitCode, Termination};

/// The exit codes. Scripts and cashier systems decide by them, so a number never changes its meaning.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Exit {
    /// Done as asked.
    Done,
    /// The command was not understood, or a file that it names is not usable.
    Usage,
    /// Refused: nothing moved, and repeating it is safe.
    Refused,
    /// Unknown: it may have happened. Do not repeat it; ask for the state.
    Unknown,
    /// The program, the peer or the platform cannot be reached: nothing was tried.
    Unreachable,
    /// Alarm: a person has to look before anything else is done.
    Alarm,
}

impl Exit {
    /// All of them, in the order of their codes.
    pub const ALL: [Self; 6] =
        [Self::Done, Self::Usage, Self::Refused, Self::Unknown, Self::Unreachable, Self::Alarm];

    /// The code that the operating system is given.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Usage => 2,
            Self::Refused => 3,
            Self::Unknown => 4,
            Self::Unreachable => 5,
            Self::Alarm => 6,
        }
    }

    /// The name in JSON answers.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Usage => "usage",
            Self::Refused => "refused",
            Self::Unknown => "unknown",
            Self::Unreachable => "unreachable",
            Self::Alarm => "alarm",
        }
    }

    /// What it tells the caller to do.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Done => "done as asked",
            Self::Usage => "not understood, or a file is not usable: see --help",
            Self::Refused => "refused: nothing moved, repeating is safe",
            Self::Unknown => "unknown: it may have happened; do not repeat, ask for the state",
            Self::Unreachable => "not reachable: nothing was tried",
            Self::Alarm => "alarm: a person has to look first",
        }
    }
}

impl Termination for Exit {
    fn report(self) -> ExitCode {
        ExitCode::from(self.code())
    }
}

/// The table as `--help` shows it.
pub const HELP: &str = "\
Exit codes:
  0  done as asked
  2  not understood, or a file is not usable
  3  refused: nothing moved, repeating is safe
  4  unknown: it may have happened; do not repeat, ask for the state
  5  not reachable: nothing was tried
  6  alarm: a person has to look first";

#[cfg(test)]
mod tests {
    use super::{Exit, HELP};

    #[test]
    fn the_help_table_lists_every_code_once_and_in_order() {
        let listed: Vec<u8> = HELP
            .lines()
            .filter_map(|line| line.strip_prefix("  ")?.split("  ").next()?.parse().ok())
            .collect();
        assert_eq!(listed, Exit::ALL.map(Exit::code));
    }
}

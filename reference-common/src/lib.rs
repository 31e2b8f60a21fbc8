//! What both reference programs need around the link: books in SQLite, lines, clocks, logs, exit codes.

//! The reference cashier-window server and its commands.

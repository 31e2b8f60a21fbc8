//! What is hashed or signed: orders, results, and the files of provisioning, as checked values.
//!
//! Each type is made from received bytes, keeps them, and gives them back unchanged: what is hashed, signed, stored or
//! repeated is never encoded a second time. Whoever holds a value of these types holds one that passed the canonical
//! validator and every rule of its own.

pub mod agreement;
pub mod manifest;
pub mod order;
pub mod order_no;
pub mod result;
pub mod signed_file;

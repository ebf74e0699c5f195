//! What is wrong with an input, where, and the way out; and the TOML reader that finds it.
//!
//! Two inputs of this project are written by people: the deployment spec and the origin's TOML. Both are read by
//! [`Reader`], which never stops at the first fault: a person gets every [`Finding`] at once, each with the key, the
//! line and a hint.

mod document;
mod finding;
mod nearest;
mod place;
mod reader;
mod units;

pub use document::{Document, Node, Value};
pub use finding::{Finding, Report, Severity};
pub use nearest::nearest;
pub use place::Place;
pub use reader::{Located, Reader};
pub use units::{format_duration, format_size, parse_duration, parse_size};

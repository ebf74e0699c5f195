//! The tool API's view of the catalog: every tool described, and its arguments checked before it is called.

mod arguments;
mod book;
mod check;
mod openapi;
mod work;

pub use arguments::{Arguments, BadArguments};
pub use book::{Book, Books, Document, list};
pub use check::{Check, Misfit, Violation};
pub use openapi::openapi;

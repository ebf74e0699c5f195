//! NGINX configuration as NGINX reads it, without losing a byte.
//!
//! [`parse`] turns one file into a [`Document`]: a tree whose leaves tile the file, so that printing an unchanged tree gives
//! the same bytes. The words are those of NGINX's own reader (`ngx_conf_read_token`), quotes and escapes resolved.
//! [`Config::load`] follows `include` through [`Files`], which the caller provides: nothing here reads a file.
//! [`split_dump`] takes the output of `nginx -T` apart.
//!
//! Whatever stands in a file, it is read to its end: what NGINX would refuse is a [`Fault`] with its place.

mod config;
mod dump;
mod glob;
mod implied;
mod lexer;
mod lua;
mod parser;
#[cfg(test)]
mod tests;
mod tree;

pub(crate) use config::IncludeFaultKind;
pub use config::{Config, Files, LoadedFile, Statement};
pub use dump::{Dump, split_dump};
pub use parser::parse;
pub use tree::{Directive, Document, End, Fault, FaultKind, Node, Part, Span, Word};

//! The crate as its users see it: specs in, files out.

mod goldens;
mod injection;
mod lint;
mod manual;

//! HTTP over what was dialled: hyper for HTTP/1.1 and HTTP/2, h3 for HTTP/3.

mod http3;
mod link;
mod tcp;
mod wire;

pub(crate) use wire::{Body, Piece, Wire};

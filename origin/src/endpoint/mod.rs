//! One file per endpoint.

pub mod mcp;

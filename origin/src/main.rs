//! The MCP origin server.

fn main() {}

//! The MCP origin server: HTTP/1.1 and HTTP/2 in front of MCP servers.

//! Real NGINX, real clients, real MCP servers: what a user of the kit would see.

mod bad_input;
mod broken;
mod clients;
mod curl;
mod demo;
mod faults;
mod lint;
mod references;
mod sites;
mod versions;

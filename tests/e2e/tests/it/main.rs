//! Real NGINX, real clients, real MCP servers: what a user of the kit would see.

mod alone;
mod bad_input;
mod broken;
mod clients;
mod curl;
mod demo;
mod faults;
mod flood;
mod gateway;
mod import;
mod interop;
mod leaving;
mod lint;
mod pages;
mod policy;
mod references;
mod replay;
mod sites;
mod versions;

//! Real NGINX, real clients, real MCP servers: what a user of the kit would see.

mod alone;
mod bad_input;
mod bridging;
mod broken;
mod clients;
mod curl;
mod demo;
mod dependencies;
mod faults;
mod flood;
mod gateway;
mod import;
mod independent;
mod interop;
mod keys;
mod leaving;
mod lint;
mod pages;
mod policy;
mod references;
mod remotes;
mod replay;
mod sites;
mod tool_api;
mod versions;
mod wrappers;

//! From a deployment spec to rendered files, without touching the machine.
//!
//! ```text
//! deploy.toml ─parse→ Spec ─resolve→ Deployment ─render→ Rendered ─plan→ Plan
//! ```
//!
//! [`parse`] finds every fault of the text at once. [`resolve`] settles every default against the target NGINX and the
//! layout of the machine: after it nothing is left to choose. [`render`] fills templates, and only checked words
//! ([`words`]) reach one. [`plan`] compares that with what was found on a machine, and
//! [`merge`] joins it with what hands edited there. No step reads a file, a clock or the environment.

pub mod acme;
mod deployment;
mod generation;
pub mod import;
mod launchd;
mod layout;
pub mod lint;
pub mod merge;
pub mod nginx_conf;
mod passthrough;
pub mod plan;
mod policy;
mod render;
mod resolve;
mod spec;
pub mod target;
mod tcp_sites;
mod unit;
pub mod words;

pub use deployment::{
    Certificate, CertificateKind, Deployment, Edge, ServerCheck, ShownBy, Site, Topology, Upstream,
    UpstreamAddress,
};
pub use launchd::{Launchd, LaunchdKind};
pub use layout::{Layout, Os, Paths, PrivateLayout, SitePaths, WorkerUser};
pub use origin_config::Exposed;
pub use passthrough::{Passthrough, Udp, UdpPass};
pub use policy::{Limit, Matching, Per, Rate, Route};
pub use render::{
    Component, Owner, RenderError, Rendered, RenderedDirectory, RenderedFile, Templates, render,
    runbook,
};
pub use resolve::{Facts, resolve};
pub use spec::{AcmeSpec, CertificateSpec, EdgeSpec, SiteSpec, Spec, TcpSiteSpec, parse};
pub use target::Target;
pub use tcp_sites::{TcpRouting, TcpSite, TcpUpstream};
pub use unit::{CpuQuota, Resources, ServerUnit, UnitSpec};

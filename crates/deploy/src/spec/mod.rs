//! `deploy.toml` as it was written, every value checked by its own type.

mod launchd;
mod origin;
mod policy;
mod read;
mod site;
mod tcp_sites;
mod tls;
mod unit;

use std::time::Duration;

use findings::{Document, Located, Report};
use origin_config::{Exposed, OriginConfig};

use crate::acme::KeyType;
use crate::deployment::{ServerCheck, Topology};
use crate::launchd::Launchd;
use crate::passthrough::Udp;
use crate::policy::{Limit, Route};
use crate::unit::UnitSpec;
use crate::words::{
    AbsolutePath, DirectoryUrl, Email, ListenAddress, Name, Port, ServerName, SpecFile,
};

pub use tcp_sites::TcpSiteSpec;

/// A deployment as its author wrote it: what was left out is absent here and settled by [`crate::resolve()`].
#[derive(Debug, Clone, PartialEq)]
pub struct Spec {
    /// The base name of the file.
    pub file: SpecFile,
    /// `name`.
    pub name: Located<Name>,
    /// `topology`.
    pub topology: Topology,
    /// `keep_generations`.
    pub keep_generations: Option<usize>,
    /// `[edge]`.
    pub edge: EdgeSpec,
    /// `[launchd]`, for a Mac.
    pub launchd: Launchd,
    /// The sites: one for the short form; never empty.
    pub sites: Vec<SiteSpec>,
}

/// `[edge]`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct EdgeSpec {
    /// The keys that it has, for findings about those that a topology cannot have.
    pub keys: Vec<Located<String>>,
    /// `listen`.
    pub listen: Option<Vec<Located<ListenAddress>>>,
    /// `https_port`.
    pub https_port: Option<Located<Port>>,
    /// `public_https_port`.
    pub public_https_port: Option<Port>,
    /// `http_port`; `Some(None)` is 0: no plain HTTP.
    pub http_port: Option<Located<Option<Port>>>,
    /// `worker_shutdown_timeout`.
    pub worker_shutdown_timeout: Option<Duration>,
    /// `udp`.
    pub udp: Option<Located<Udp>>,
    /// `max_concurrent_streams`.
    pub max_concurrent_streams: Option<u32>,
    /// `expose`.
    pub expose: Option<Vec<Exposed>>,
    /// `h3check`.
    pub h3check: Option<bool>,
    /// `[[edge.limits]]`.
    pub limits: Vec<Limit>,
    /// `[[edge.routes]]`.
    pub routes: Vec<Route>,
    /// `[[edge.tcp_sites]]`.
    pub tcp_sites: Vec<TcpSiteSpec>,
}

/// One site: the short form's top level, or one of `[[sites]]`.
#[derive(Debug, Clone, PartialEq)]
pub struct SiteSpec {
    /// `name`; the deployment's own in the short form.
    pub name: Located<Name>,
    /// `server_names`; not empty.
    pub server_names: Vec<Located<ServerName>>,
    /// `[tls]`.
    pub certificate: CertificateSpec,
    /// `[origin]` and `[[servers]]` laid over the origin's defaults.
    pub origin: OriginConfig,
    /// The keys that `[origin]` has: the others may get a default that depends on the layout.
    pub origin_keys: Vec<Located<String>>,
    /// `check_tool` and `check_arguments` of the servers.
    pub checks: Vec<ServerCheck>,
    /// `unit` of the servers.
    pub units: Vec<UnitSpec>,
}

/// `[tls]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CertificateSpec {
    /// `certificate` and `private_key`.
    Files {
        /// PEM, the leaf first.
        certificate: AbsolutePath,
        /// PEM.
        private_key: AbsolutePath,
    },
    /// `self_signed = true`.
    SelfSigned,
    /// `[tls.acme]`.
    Acme(AcmeSpec),
}

/// `[tls.acme]`, whose terms somebody has agreed to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AcmeSpec {
    /// `email`.
    pub email: Option<Email>,
    /// `directory_url`.
    pub directory_url: Option<DirectoryUrl>,
    /// `key_type`.
    pub key_type: Option<KeyType>,
}

/// Reads a spec. Every fault is found at once, with its key path, line and a hint; `file` is the name that they carry.
///
/// `None` when the report has an error.
pub fn parse(text: &str, file: &str) -> (Option<Spec>, Report) {
    let mut report = Report::new();
    let document = Document::parse(text, file, &mut report);
    let (spec, report) = read::read(&document, file, report);
    let report = report.sorted();
    (spec.filter(|_| !report.has_errors()), report)
}

#[cfg(test)]
mod tests;

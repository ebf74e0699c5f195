//! `[[edge.tcp_sites]]`.

use std::collections::{BTreeMap, BTreeSet};

use findings::{Finding, Located, Reader, Report};

use super::SiteSpec;
use super::read::missing;
use crate::tcp_sites::{TcpSite, TcpUpstream};
use crate::words::{Name, ServerName};

/// One of `[[edge.tcp_sites]]`.
#[derive(Debug, Clone, PartialEq)]
pub struct TcpSiteSpec {
    /// `name`.
    pub name: Located<Name>,
    /// `server_names`.
    pub server_names: Vec<Located<ServerName>>,
    /// `to`.
    pub to: Located<TcpUpstream>,
    /// `proxy_protocol`.
    pub proxy_protocol: bool,
    /// `default`: connections that nobody else is asked for are this site's.
    pub default: bool,
}

impl TcpSiteSpec {
    /// What is rendered of it.
    pub(crate) fn site(&self) -> TcpSite {
        let names = self.server_names.iter();
        TcpSite {
            name: self.name.value.clone(),
            server_names: names.map(|name| name.value.clone()).collect(),
            to: self.to.value.clone(),
            proxy_protocol: self.proxy_protocol,
        }
    }
}

/// Reads every site, whatever is wrong with another.
pub(super) fn read(edge: &Reader<'_>) -> Vec<TcpSiteSpec> {
    let (mut names, mut has_default) = (BTreeSet::new(), false);
    let tables = edge.tables("tcp_sites").into_iter();
    tables
        .filter_map(|table| read_site(table, &mut names, &mut has_default))
        .collect()
}

fn read_site(
    table: Reader<'_>,
    names: &mut BTreeSet<Name>,
    has_default: &mut bool,
) -> Option<TcpSiteSpec> {
    missing(
        &table,
        "name",
        "as `name = \"blog\"`: what NGINX makes of it is called so",
    );
    let name = table.word::<Name>("name", "spec.name");
    if let Some(name) = &name
        && !names.insert(name.value.clone())
    {
        let message = format!("`{}` is there twice", name.value);
        table.find("name", Finding::error("spec.duplicate", message));
    }
    let server_names = table.words::<ServerName>("server_names", "spec.server-name");
    let default = table.boolean("default").is_some_and(|flag| flag.value);
    if default && std::mem::replace(has_default, true) {
        let finding = Finding::error("spec.duplicate", "another site is the default already");
        let hint = "connections that ask for no known name have one way: leave one `default` out";
        table.find("default", finding.hint(hint));
    }
    // names that were refused have their own findings
    let written = table.value("server_names").map(|located| located.value);
    let is_empty = written
        .is_none_or(|value| matches!(value, findings::Value::Array(items) if items.is_empty()));
    if is_empty && !default {
        let finding = Finding::error("spec.missing", "there is no name to tell the site by");
        let hint = "as `server_names = [\"blog.example.com\"]`, or `default = true` for all that ask for no other name";
        table.find("server_names", finding.hint(hint));
    }
    missing(&table, "to", TO);
    let to = table.string("to").and_then(|to| read_address(&table, &to));
    let proxy_protocol = table.boolean("proxy_protocol");
    table.finish();
    Some(TcpSiteSpec {
        name: name?,
        server_names: server_names.unwrap_or_default(),
        to: to?,
        proxy_protocol: proxy_protocol.is_some_and(|flag| flag.value),
        default,
    })
}

fn read_address(table: &Reader<'_>, to: &Located<String>) -> Option<Located<TcpUpstream>> {
    match to.value.parse() {
        Ok(value) => Some(Located {
            value,
            path: to.path.clone(),
            place: to.place.clone(),
        }),
        Err(reason) => {
            let message = format!("`{}` {reason}", to.value.escape_debug());
            table.find("to", Finding::error("spec.address", message).hint(TO));
            None
        }
    }
}

/// Finds names that two have: NGINX goes by them.
pub(super) fn find_duplicates(tcp_sites: &[TcpSiteSpec], sites: &[SiteSpec], report: &mut Report) {
    let own = sites.iter().flat_map(|site| &site.server_names);
    let own: BTreeSet<_> = own.map(|name| &name.value).collect();
    let mut owners: BTreeMap<&ServerName, &Name> = BTreeMap::new();
    for site in tcp_sites {
        for name in &site.server_names {
            if own.contains(&name.value) {
                let message = format!("server name `{}` is the origin's", name.value);
                let hint = "each name has one owner: take it out here, or of the `server_names` of the origin";
                report.push(name.error("spec.duplicate", message).hint(hint));
            } else if let Some(owner) = owners.insert(&name.value, &site.name.value) {
                let message = format!(
                    "server name `{}` belongs to site `{owner}` already",
                    name.value
                );
                let hint = "NGINX chooses the site by this name: it needs one owner";
                report.push(name.error("spec.duplicate", message).hint(hint));
            }
        }
    }
}

const TO: &str = "as `to = \"127.0.0.1:8443\"`, `to = \"blog.internal:443\"` or `to = \"unix:/run/blog/tls.sock\"`: where \
    the site takes TLS connections";

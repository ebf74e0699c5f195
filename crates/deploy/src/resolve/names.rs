//! The names that an origin answers for, and the pages that may use it: its own come from the deployment.

use std::str::FromStr;

use crate::deployment::Site;
use crate::words::Port;

/// Adds the site's own server names to `allowed_hosts` and their pages to `allowed_origins`, before what the spec has
/// there: a spec that allows one more must not shut out those that it is for.
pub(super) fn settle(site: &mut Site, public_https_port: Port) {
    let names = &site.server_names;
    let hosts = names.iter().map(ToString::to_string);
    let origins = names
        .iter()
        .map(|name| format!("https://{name}:{public_https_port}"));
    put_first(&mut site.origin.allowed_hosts, hosts);
    put_first(&mut site.origin.allowed_origins, origins);
}

/// The own entries, then those that were there, each once.
fn put_first<T: FromStr + PartialEq>(list: &mut Vec<T>, own: impl Iterator<Item = String>) {
    let given = std::mem::take(list);
    // a server name has less in it than a host may have, so each of them is one
    let own = own.filter_map(|text| text.parse().ok());
    for entry in own.chain(given) {
        if !list.contains(&entry) {
            list.push(entry);
        }
    }
}

//! What this machine has to have before anything is started on it.

use std::net::SocketAddr;
use std::path::Path;

use deploy::{Deployment, TcpUpstream};
use findings::{Finding, Report};
use origin_config::{Bind, Server};

use crate::host::ports::{self, Held, Protocol, Taken};
use crate::host::{self, accounts};
use crate::spec::SpecFile;

/// The programs of all servers are there, and the folders that they run in, and the files of servers by URL.
pub(crate) fn check_commands(deployment: &Deployment, spec: &SpecFile) -> Report {
    let mut report = Report::new();
    for (site_index, site) in deployment.sites.iter().enumerate() {
        for (index, server) in site.origin.servers.iter().enumerate() {
            if let Some((key, finding)) = fault(server) {
                let key = spec.site_key(site_index, &format!("servers[{index}].{key}"));
                report.push(spec.place(&key, finding));
            }
        }
    }
    report
}

fn fault(server: &Server) -> Option<(&'static str, Finding)> {
    if let Some(remote) = &server.remote {
        let missing = remote.files().find(|path| !path.is_file())?;
        let message = format!(
            "the file `{}` of server `{}` was not found",
            missing.display(),
            server.name
        );
        let finding = Finding::error("host.file", message);
        return Some(("url", finding.hint("make it, or name another")));
    }
    if server.socket.is_some() {
        // Its unit has the command, and another user, folder and path may find it.
        return None;
    }
    let folder = server.working_directory.as_deref();
    if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
        let message = format!(
            "the working directory `{}` of server `{}` was not found",
            folder.display(),
            server.name
        );
        let finding = Finding::error("host.folder", message);
        return Some((
            "working_directory",
            finding.hint("make it, or name another"),
        ));
    }
    let program = server
        .command
        .first()
        .map(String::as_str)
        .unwrap_or_default();
    let path = server
        .environment
        .get("PATH")
        .map(Into::into)
        .or_else(|| std::env::var_os("PATH"));
    let found = if program.contains('/') {
        host::is_program(&folder.unwrap_or(Path::new("")).join(program))
    } else {
        host::find_program(program, path.as_deref()).is_some()
    };
    if found {
        return None;
    }
    let message = format!(
        "the command `{}` of server `{}` was not found",
        program.escape_debug(),
        server.name
    );
    let finding = Finding::error("host.command", message);
    Some((
        "command",
        finding.hint("install it, or write its absolute path"),
    ))
}

/// The ports of a deployment, held until those who are to have them start.
#[derive(Debug, Default)]
pub(crate) struct Ports {
    /// The edge's.
    pub(crate) edge: Vec<Held>,
    /// Those of origins that listen on TCP or UDP.
    pub(crate) origins: Vec<Held>,
}

/// Every port of the deployment is free, or is held by the programs that are to have it: they run already.
pub(crate) fn check_ports(deployment: &Deployment, spec: &SpecFile) -> Report {
    hold(deployment, spec, &["nginx", "origin", "systemd"]).1
}

/// Holds every port of the deployment, or says who has it.
pub(crate) fn hold_ports(deployment: &Deployment, spec: &SpecFile) -> (Ports, Report) {
    hold(deployment, spec, &[])
}

fn hold(deployment: &Deployment, spec: &SpecFile, owners: &[&str]) -> (Ports, Report) {
    let edge = &deployment.edge;
    let udp = edge.has_udp().then_some(Protocol::Udp);
    let https = edge.https.iter().flat_map(move |address| {
        let protocols = [Protocol::Tcp].into_iter().chain(udp);
        protocols.map(|protocol| (*address, protocol, "edge.https_port".to_owned()))
    });
    let http = edge
        .http
        .iter()
        .map(|address| (*address, Protocol::Tcp, "edge.http_port".to_owned()));
    let mut report = Report::new();
    find_loops(deployment, spec, &mut report);
    let ports = Ports {
        edge: hold_all(https.chain(http), (spec, owners), &mut report),
        origins: hold_all(origins(deployment, spec), (spec, owners), &mut report),
    };
    (ports, report)
}

/// No other site on the port is at an address of this machine where the edge listens on all of them.
fn find_loops(deployment: &Deployment, spec: &SpecFile, report: &mut Report) {
    let edge = &deployment.edge;
    let listens: Vec<_> = edge.https.iter().chain(&edge.http).collect();
    let sites = edge
        .routing()
        .into_iter()
        .flat_map(|routing| &routing.sites);
    for (index, site) in sites.enumerate() {
        let TcpUpstream::Address(to) = &site.to else {
            continue;
        };
        let is_listened_on = |listen: &&SocketAddr| {
            listen.ip().is_unspecified()
                && listen.is_ipv4() == to.is_ipv4()
                && listen.port() == to.port()
        };
        if listens.iter().any(is_listened_on) && host::is_own_address(to.ip()) {
            let message = format!(
                "`{to}` is this machine, and the edge listens on all of its addresses: it would pass to itself"
            );
            let finding = Finding::error("host.loop", message)
                .hint("have the site listen on a port of its own, or name the edge's addresses in `listen`");
            report.push(spec.place(&format!("edge.tcp_sites[{index}].to"), finding));
        }
    }
}

/// An address, its protocol, and the key that has its port.
type Wanted = (SocketAddr, Protocol, String);

fn origins(deployment: &Deployment, spec: &SpecFile) -> impl Iterator<Item = Wanted> {
    let sites = deployment.sites.iter().enumerate();
    sites.flat_map(move |(index, site)| {
        let origin = &site.origin;
        let tcp = [
            (&origin.bind, "origin.bind"),
            (&origin.tls.insecure_bind, "origin.insecure_bind"),
            (&origin.admin_bind, "origin.admin_bind"),
        ];
        let tcp = tcp.into_iter().flat_map(move |(binds, key)| {
            binds.iter().filter_map(move |bind| match bind {
                Bind::Tcp(address) => Some((*address, Protocol::Tcp, spec.site_key(index, key))),
                Bind::Unix(_) => None,
            })
        });
        let udp = origin.quic.bind.iter().map(move |address| {
            let key = if deployment.edge.https.contains(address) {
                "edge.https_port".to_owned()
            } else {
                spec.site_key(index, "origin.quic_bind")
            };
            (*address, Protocol::Udp, key)
        });
        tcp.chain(udp)
    })
}

fn hold_all(
    wanted: impl Iterator<Item = Wanted>,
    (spec, owners): (&SpecFile, &[&str]),
    report: &mut Report,
) -> Vec<Held> {
    let mut held: Vec<Held> = Vec::new();
    let mut wanted: Vec<_> = wanted.collect();
    // all addresses of a family before the single ones, which are held with them
    wanted.sort_by_key(|(address, _, _)| !address.ip().is_unspecified());
    for (address, protocol, key) in wanted {
        if held.iter().any(|held| held.covers(address, protocol)) {
            continue;
        }
        match ports::hold(address, protocol) {
            Ok(port) => held.push(port),
            Err(taken) if taken.is_held_by(owners) => {}
            Err(taken) => {
                let finding = refused(&taken, &key, spec);
                // a foreign address is one fault, however many ports are wanted there
                if !report.findings().contains(&finding) {
                    report.push(finding);
                }
            }
        }
    }
    held
}

fn refused(taken: &Taken, key: &str, spec: &SpecFile) -> Finding {
    use std::io::ErrorKind;

    let finding = Finding::error("host.port", taken.to_string());
    match taken.error.kind() {
        ErrorKind::AddrNotAvailable if key.starts_with("edge.") => {
            let hint = "name one of this machine (`ip address` lists them), or `0.0.0.0` or `[::]` for all";
            spec.place("edge.listen", finding.hint(hint))
        }
        ErrorKind::AddrNotAvailable => {
            let hint = "name one of this machine (`ip address` lists them)";
            spec.place(key, finding.hint(hint))
        }
        ErrorKind::PermissionDenied => {
            let hint =
                format!("ports below 1024 are root's: choose another `{key}`, as 8443 or 8080");
            spec.place(key, finding.hint(hint))
        }
        _ => {
            let hint = format!("end what listens there, or choose another `{key}`");
            spec.place(key, finding.hint(hint))
        }
    }
}

/// What keeps a deployment out of a folder: it is none, or NGINX's workers do not get into it. `worker` is the user and group
/// that they become, where they become another one.
pub(crate) fn fault_of_folder(folder: &Path, worker: Option<(&str, &str)>) -> Option<Finding> {
    // what is missing is made, and made so that they get in
    let there = folder
        .ancestors()
        .filter_map(|above| Some((above, above.metadata().ok()?)));
    for (above, data) in there {
        let name = above.display();
        if !data.is_dir() {
            let finding = Finding::error("host.path", format!("`{name}` is no folder"));
            return Some(finding.hint("`--dir DIR` names another"));
        }
        if let Some((user, group)) = worker
            && !accounts::may_enter(&data, user, group)
        {
            let message = format!(
                "NGINX's workers run as `{user}`, who cannot enter `{name}`: they would not reach the sockets below it"
            );
            let hint = "name a `--dir` below /tmp that is not there yet, or let others enter this folder (`chmod o+x`)";
            return Some(Finding::error("host.path", message).hint(hint));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::made_up;

    fn edge(text: &str) -> (Ports, Vec<(String, Option<String>)>) {
        let folder = tempfile::tempdir().expect("a folder");
        let (deployment, spec) = made_up::deployment(text, folder.path());
        let (ports, report) = hold_ports(&deployment, &spec);
        let found = report
            .findings()
            .iter()
            .map(|finding| (finding.id.clone(), finding.path.clone()));
        (ports, found.collect())
    }

    #[test]
    fn a_site_at_the_machines_own_address_is_a_loop_where_the_edge_has_all_of_them() {
        let site = |to: &str| {
            let text = made_up::spec("self_signed = true")
                .replace("h3-termination", "stream-passthrough")
                .replace("0.0.0.0", "127.0.0.1");
            format!(
                "{text}[[edge.tcp_sites]]\nname = \"a\"\nserver_names = [\"a.example\"]\nto = \"{to}\"\n"
            )
        };
        let told = |to: &str, listen: &str| {
            let folder = tempfile::tempdir().expect("a folder");
            let (mut deployment, spec) = made_up::deployment(&site(to), folder.path());
            deployment.edge.https = vec![listen.parse().expect("an address")];
            let mut report = Report::new();
            find_loops(&deployment, &spec, &mut report);
            let first = report.findings().first().cloned();
            first.map(|finding| (finding.id, finding.line.is_some()))
        };
        let own = "127.0.0.2:8443";
        assert_eq!(
            told(own, "0.0.0.0:8443"),
            Some(("host.loop".to_owned(), true))
        );
        assert_eq!(told(own, "127.0.0.1:8443"), None);
        assert_eq!(told(own, "0.0.0.0:443"), None);
        // somebody else's (RFC 5737)
        assert_eq!(told("192.0.2.1:8443", "0.0.0.0:8443"), None);
    }

    fn on_free_port(listen: &str) -> String {
        let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = free.local_addr().expect("bound").port();
        made_up::spec("self_signed = true")
            .replace("8443", &port.to_string())
            .replace("[\"0.0.0.0\"]", listen)
    }

    #[test]
    fn a_second_deployment_finds_the_ports_of_one_that_prepares() {
        let text = on_free_port("[\"127.0.0.1\"]");
        let (first, found) = edge(&text);
        assert_eq!((first.edge.len(), found), (2, Vec::new()));
        let (_, found) = edge(&text);
        let taken = ("host.port".to_owned(), Some("edge.https_port".to_owned()));
        assert_eq!(found, [taken.clone(), taken]);
        drop(first);
        assert_eq!(edge(&text).1, []);
    }

    #[test]
    fn all_addresses_of_both_families_go_together() {
        let text = on_free_port("[\"127.0.0.1\", \"0.0.0.0\", \"[::]\"]");
        let (_held, found) = edge(&text);
        assert_eq!(found, []);
    }

    #[test]
    fn an_address_of_another_machine_is_one_fault_of_listen() {
        let text = on_free_port("[\"203.0.113.7\"]");
        let (_, found) = edge(&text);
        assert_eq!(
            found,
            [("host.port".to_owned(), Some("edge.listen".to_owned()))]
        );
    }

    #[test]
    fn a_folder_that_the_workers_cannot_enter_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let inner = folder.path().join("new/deeper");
        let worker = Some(("nobody", "no-such-group"));
        let set = |mode| {
            std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(mode))
                .expect("our own");
        };
        set(0o755);
        assert_eq!(fault_of_folder(&inner, worker), None);
        set(0o700);
        assert_eq!(fault_of_folder(&inner, None), None);
        let found = fault_of_folder(&inner, worker).expect("closed to others");
        let name = folder.path().display().to_string();
        assert!(found.message.contains(&name), "{}", found.message);
        assert!(fault_of_folder(Path::new("/etc/passwd"), None).is_some());
    }
}

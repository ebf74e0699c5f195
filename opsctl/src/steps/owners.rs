//! Two owners of one server name: NGINX takes the first that it reads, warns, and leaves the other unreached.

use deploy::Deployment;
use deploy::nginx_conf::{Config, Statement, split_dump};
use deploy::words::ServerName;
use findings::{Finding, Report};

/// Finds the names of a deployment that another server has on the same address. `messages` is what NGINX said of its test,
/// `dump` what it read.
pub(super) fn find(messages: &[String], dump: &[u8], deployment: &Deployment) -> Report {
    let mut report = Report::new();
    let names = deployment.sites.iter().flat_map(|site| &site.server_names);
    for name in names.map(ServerName::as_str) {
        let said = format!("conflicting server name \"{name}\" on ");
        let addresses: Vec<_> = messages
            .iter()
            .filter_map(|message| message.split_once(&said)?.1.split(',').next())
            .collect();
        if addresses.is_empty() {
            continue;
        }
        let message = format!(
            "`{name}` on {} has another owner, and NGINX ignores one of the two",
            addresses.join(", ")
        );
        let finding = Finding::error("nginx.server-name", message);
        let hint = "take the name out of that server, or that site out of what NGINX reads";
        let mut finding = finding.hint(hint);
        if let Some((file, line)) = other_place(dump, name, deployment) {
            finding.file = Some(file);
            finding.line = Some(line);
        }
        report.push(finding);
    }
    report
}

/// Where a file that is not ours gives a server the name.
fn other_place(dump: &[u8], name: &str, deployment: &Deployment) -> Option<(String, usize)> {
    let dump = split_dump(dump)?;
    let config = Config::load(dump.main(), &dump).ok()?;
    let mut places = Vec::new();
    collect(&config.root, name, &mut places);
    let own = deployment.paths.http_conf.as_str();
    places.into_iter().find_map(|statement| {
        let file = config.files.get(statement.file)?;
        let line = file.document.line(statement.span.start);
        (file.name != own).then(|| (file.name.clone(), line))
    })
}

fn collect<'c>(statements: &'c [Statement], name: &str, places: &mut Vec<&'c Statement>) {
    for statement in statements {
        if statement.name() == "server_name" && statement.arguments().any(|word| word == name) {
            places.push(statement);
        }
        collect(statement.children(), name, places);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::made_up;

    #[test]
    fn a_name_that_another_site_has_is_found_where_it_stands() {
        let folder = tempfile::tempdir().expect("a folder");
        let (deployment, _) =
            made_up::deployment(&made_up::spec("self_signed = true"), folder.path());
        let own = &deployment.paths.http_conf;
        let dump = format!(
            "# configuration file /etc/nginx/nginx.conf:\nhttp {{\n    include {own};\n    include /etc/nginx/sites-enabled/x;\n}}\n\n\
             # configuration file {own}:\nserver {{ server_name localhost; }}\n\n\
             # configuration file /etc/nginx/sites-enabled/x:\nserver {{\n    server_name a.example localhost;\n}}\n\n"
        );
        let said = |name: &str| {
            let message =
                format!("[warn] conflicting server name \"{name}\" on 0.0.0.0:443, ignored");
            find(&[message], dump.as_bytes(), &deployment)
        };
        let report = said("localhost");
        let finding = report.findings().first().expect("it is found");
        assert_eq!(finding.file.as_deref(), Some("/etc/nginx/sites-enabled/x"));
        assert_eq!(finding.line, Some(2));
        assert!(finding.message.contains("0.0.0.0:443"), "{report}");
        assert!(said("a.example").findings().is_empty());
    }
}

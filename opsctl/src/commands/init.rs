//! `opsctl init`: a commented spec to begin with.

use std::fmt::Write as _;
use std::path::Path;

use findings::Finding;

use super::output;
use crate::cli::{Format, Init};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::host::files;
use crate::ui::Ui;

/// Writes the spec; a file that is there stays unless `--force` is given.
pub(crate) fn run(arguments: &Init, spec: &Path, ui: &mut Ui) -> Result<Exit, CommandError> {
    let path = arguments.out.as_deref().unwrap_or(spec);
    if path.exists() && !arguments.force {
        let finding = Finding::error(
            "init.exists",
            format!("`{}` is there already", path.display()),
        );
        let hint = "`--force` replaces it, `--out FILE` writes another";
        return Err(CommandError::finding(Exit::Usage, finding.hint(hint)));
    }
    let text = written(arguments);
    let name = path.display().to_string();
    let (_, report) = deploy::parse(&text, &name);
    if report.has_errors() {
        // the flags' values are the only thing in it that can be wrong
        return Err(CommandError::found(Exit::Spec, report));
    }
    files::replace(files::NewFile {
        path,
        contents: text.as_bytes(),
        mode: 0o644,
        owner: (None, None),
    })?;
    match ui.format() {
        Format::Json => output(ui.json(&serde_json::json!({"ok": true, "file": name})))?,
        Format::Human => ui.say(format_args!(
            "wrote {name}; next: opsctl --spec {name} {}",
            next(arguments)
        )),
    }
    Ok(Exit::Done)
}

/// A development certificate is for this machine; one from an authority is for the machine that has it.
fn next(arguments: &Init) -> &'static str {
    if arguments.certificate.is_some() || arguments.acme {
        "apply --dry-run"
    } else {
        "up"
    }
}

/// The text: every key that a person is likely to change, with the reason for its value.
fn written(arguments: &Init) -> String {
    let mut text = format!(
        "# The only source of this deployment: `opsctl render` makes every file from it.\n\n\
         # Names of units, files and users: a-z, 0-9 and `-`.\n\
         name = {name}\n\
         # Where TLS and HTTP/3 end: at NGINX (`h3-termination`), or at the origin (`stream-passthrough`).\n\
         topology = {topology}\n\
         # The names that clients use; the certificate has to be for them.\n\
         server_names = {names}\n",
        name = quoted(&arguments.name),
        topology = quoted(&arguments.topology),
        names = list(&arguments.server_names),
    );
    let is_local = arguments
        .server_names
        .iter()
        .all(|name| name == "localhost");
    text.push_str("\n[edge]\n");
    if is_local {
        text.push_str(
            "# Loopback only, on ports that need no privilege.\n\
             listen = [\"127.0.0.1\"]\n\
             https_port = 8443\n\
             http_port = 8080\n",
        );
    } else {
        text.push_str(
            "# Every address of this machine, IPv4 and IPv6.\n\
             listen = [\"0.0.0.0\", \"[::]\"]\n\
             # TCP and UDP: HTTP/3 needs the same port open for UDP in the firewall.\n\
             https_port = 443\n\
             # Redirects to HTTPS.\n\
             http_port = 80\n",
        );
    }
    text.push_str(&tls(arguments));
    text.push_str(
        "\n[origin]\n\
         # Tools are called SERVER__TOOL, so that two servers may have a tool of the same name; `plain` with one server.\n\
         tool_names = \"prefixed\"\n",
    );
    for (name, command) in &arguments.servers {
        let _ = write!(
            text,
            "\n[[servers]]\nname = {}\ncommand = {}\n",
            quoted(name),
            list(command)
        );
    }
    if arguments.servers.is_empty() {
        text.push_str(
            "\n# The MCP servers: each a command that speaks MCP over its standard input and output.\n\
             # [[servers]]\n\
             # name = \"time\"\n\
             # command = [\"mcp-server-time\"]\n\
             # The call that `opsctl verify` proves it with:\n\
             # check_tool = \"get_current_time\"\n\
             # check_arguments = { timezone = \"UTC\" }\n",
        );
    }
    text
}

/// `[tls]`, or `[tls.acme]`.
fn tls(arguments: &Init) -> String {
    if let (Some(certificate), Some(key)) = (&arguments.certificate, &arguments.private_key) {
        let [certificate, key] = [certificate, key].map(|path| quoted(&path.display().to_string()));
        return format!("\n[tls]\ncertificate = {certificate}\nprivate_key = {key}\n");
    }
    if arguments.acme {
        let email = arguments.email.as_deref();
        let email = email.map_or_else(
            || "# email = \"ops@example.com\"\n".to_owned(),
            |email| format!("email = {}\n", quoted(email)),
        );
        return format!(
            "\n# certbot gets a certificate from Let's Encrypt, which asks on port 80 under each of server_names, and renews it.\n\
             [tls.acme]\nterms_agreed = true\n{email}"
        );
    }
    "\n[tls]\n\
     # For development: opsctl makes a certificate and an authority of its own. For the internet `[tls.acme]` with\n\
     # `terms_agreed = true`, or name the files:\n\
     # certificate = \"/etc/letsencrypt/live/NAME/fullchain.pem\"\n\
     # private_key = \"/etc/letsencrypt/live/NAME/privkey.pem\"\n\
     self_signed = true\n"
        .to_owned()
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

fn list(texts: &[String]) -> String {
    let items: Vec<_> = texts.iter().map(|text| quoted(text)).collect();
    format!("[{}]", items.join(", "))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::{Cli, Command};

    fn init(arguments: &[&str]) -> Init {
        let line = ["opsctl", "init"].iter().chain(arguments);
        match Cli::try_parse_from(line).expect("a valid line").command {
            Command::Init(init) => init,
            other => panic!("{other:?}"),
        }
    }

    fn findings(arguments: &[&str]) -> findings::Report {
        deploy::parse(&written(&init(arguments)), "deploy.toml").1
    }

    #[test]
    fn what_is_written_has_no_findings() {
        for arguments in [
            [].as_slice(),
            &[
                "--name",
                "codeintel",
                "--server-name",
                "mcp.example.com",
                "--server",
                "git=run 'a \"b\"'",
            ],
            &[
                "--server-name",
                "a.example",
                "--server-name",
                "b.example",
                "--certificate",
                "/c.pem",
                "--private-key",
                "/k.pem",
            ],
            &["--server-name", "a.example", "--acme"],
            &[
                "--server-name",
                "a.example",
                "--acme",
                "--email",
                "ops@a.example",
            ],
        ] {
            let report = findings(arguments);
            // without a --server the file has an example in comments, and the reader says that there is none
            let expected = usize::from(!arguments.contains(&"--server"));
            assert_eq!(report.findings().len(), expected, "{arguments:?}: {report}");
            assert!(!report.has_errors());
        }
    }

    #[test]
    fn a_bad_value_of_a_flag_is_found_before_anything_is_written() {
        assert!(findings(&["--server-name", "a;b"]).has_errors());
        assert!(findings(&["--name", "a\nb = 1"]).has_errors());
        assert!(findings(&["--server", "a__b=x"]).has_errors());
        assert!(findings(&["--acme", "--email", "a\nb"]).has_errors());
    }

    #[test]
    fn a_value_cannot_leave_its_string() {
        assert_eq!(quoted("a\"b\\"), "'a\"b\\'");
        let text = written(&init(&["--name", "x\"\nserver_names = [\"evil\"]\n#"]));
        let parsed: toml::Table = text.parse().expect("still TOML");
        assert_eq!(parsed["server_names"][0].as_str(), Some("localhost"));
    }
}

//! `[launchd]`.

use findings::{Finding, Reader};

use crate::launchd::{Launchd, LaunchdKind};
use crate::words::{AbsolutePath, Account};

/// Reads the table; a spec without it has the defaults.
pub(super) fn read(reader: &Reader<'_>) -> Option<Launchd> {
    let homebrew = HOMEBREW.parse().ok()?;
    let Some(table) = reader.table("launchd") else {
        return Some(Launchd {
            kind: LaunchdKind::Daemon { user: None },
            homebrew,
            virtual_env: None,
            path: Vec::new(),
        });
    };
    let path = |key| table.word::<AbsolutePath>(key, "spec.word");
    let launchd = Launchd {
        kind: read_kind(&table)?,
        homebrew: path("homebrew").map_or(homebrew, |path| path.value),
        virtual_env: path("virtual_env").map(|path| path.value),
        path: table
            .words::<AbsolutePath>("path", "spec.word")
            .unwrap_or_default()
            .into_iter()
            .map(|path| path.value)
            .collect(),
    };
    table.finish();
    Some(launchd)
}

fn read_kind(table: &Reader<'_>) -> Option<LaunchdKind> {
    let kind = table.string("kind");
    let kind = kind.as_ref().map_or("daemon", |kind| kind.value.as_str());
    let user = table.word::<Account>("user", "spec.word");
    let home = table.word::<AbsolutePath>("home", "spec.word");
    match kind {
        "daemon" => {
            if home.is_some() {
                let finding = Finding::error("launchd.home", "a daemon is in nobody's home");
                table.find(
                    "home",
                    finding.hint("take it out, or write `kind = \"agent\"`"),
                );
            }
            let user = user.map(|user| user.value);
            Some(LaunchdKind::Daemon { user })
        }
        "agent" => {
            if user.is_some() {
                let message = "launchd takes no user for an agent, which runs as who is logged in";
                let finding = Finding::error("launchd.user", message);
                table.find(
                    "user",
                    finding.hint("take it out, or write `kind = \"daemon\"`"),
                );
            }
            if home.is_none() && !table.has("home") {
                let finding = Finding::error("launchd.home", "an agent is in somebody's home");
                table.find("home", finding.hint("as `home = \"/Users/ALICE\"`"));
            }
            Some(LaunchdKind::Agent { home: home?.value })
        }
        other => {
            let message = format!("`{}` is not `daemon` or `agent`", other.escape_debug());
            table.find("kind", Finding::error("spec.word", message));
            None
        }
    }
}

/// Where Homebrew is on a Mac with Apple's processor; `/usr/local` on one with Intel's (docs.brew.sh/Installation).
const HOMEBREW: &str = "/opt/homebrew";

#[cfg(test)]
mod tests {
    use crate::parse;

    fn found(keys: &str) -> Vec<(String, Option<usize>)> {
        let text = format!(
            "name = \"a\"\nserver_names = [\"a.example\"]\ntls = {{ self_signed = true }}\n\
             servers = [{{ name = \"t\", command = [\"t\"] }}]\n[launchd]\n{keys}"
        );
        let (_, report) = parse(&text, "x");
        let findings = report.findings().iter();
        findings
            .map(|finding| (finding.id.clone(), finding.line))
            .collect()
    }

    #[test]
    fn an_agent_has_a_home_and_a_daemon_a_user() {
        for keys in [
            "",
            "kind = \"daemon\"\nuser = \"_mcp\"\npath = [\"/opt/x\"]\n",
            "kind = \"agent\"\nhome = \"/Users/ALICE\"\nvirtual_env = \"/Users/ALICE/v\"\n",
        ] {
            assert_eq!(found(keys), [], "{keys}");
        }
        for (keys, id, line) in [
            ("kind = \"agent\"\n", "launchd.home", 5),
            ("home = \"/Users/ALICE\"\n", "launchd.home", 6),
            (
                "kind = \"agent\"\nhome = \"/a\"\nuser = \"b\"\n",
                "launchd.user",
                8,
            ),
            ("kind = \"job\"\n", "spec.word", 6),
            ("homebrew = \"a b\"\n", "spec.word", 6),
            ("label = \"x\"\n", "key.unknown", 6),
        ] {
            assert_eq!(found(keys), [(id.to_owned(), Some(line))], "{keys}");
        }
    }
}

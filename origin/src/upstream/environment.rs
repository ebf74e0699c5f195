//! The environment of a server: what nearly every program needs, and what the configuration gives it.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use origin_config::Server;

/// Why a server has no environment. Names files and variables, never a value.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoEnvironment {
    /// A file of `environment_files` or `environment_secrets`.
    #[error("`{0}` cannot be read: {1}")]
    Unreadable(PathBuf, io::Error),
    /// A line of a file of `environment_files`.
    #[error("line {line} of `{path}` is not `NAME=VALUE`")]
    NoVariable {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
    },
    /// A secret with a NUL byte, which ends a variable.
    #[error("`{0}` holds a NUL byte, and no variable can")]
    Nul(PathBuf),
    /// A credential without a service manager that gives any.
    #[error(
        "`environment_secrets.{0}` names a credential, and the origin has none: give the unit `LoadCredential=`, or an absolute path here"
    )]
    NoCredentials(String),
}

/// The variables of `own`, the origin's environment, that nearly every program needs and those that the server names, then
/// what its configuration sets. Nothing else of the origin's own, which may hold secrets. Files are read anew each time.
pub(super) fn environment(
    server: &Server,
    own: &[(OsString, OsString)],
) -> Result<BTreeMap<OsString, OsString>, NoEnvironment> {
    let passed = |name: &OsStr| {
        name.to_str().is_some_and(|name| {
            PASSED.contains(&name)
                || name.starts_with("LC_")
                || server.environment_pass.iter().any(|wanted| wanted == name)
        })
    };
    let passed = own.iter().filter(|(name, _)| passed(name)).cloned();
    let mut variables: BTreeMap<OsString, OsString> = passed.collect();
    for path in &server.launch.environment_files {
        variables.extend(lines(path)?);
    }
    let set = server.environment.iter();
    variables.extend(set.map(|(name, value)| (name.into(), value.into())));
    for (name, file) in &server.launch.environment_secrets {
        variables.insert(name.into(), secret(name, file, own)?);
    }
    Ok(variables)
}

/// `NAME=VALUE` lines; blank lines and those that begin with `#` or `;` are passed over, and one pair of quotes around a
/// value is taken off, as systemd does with such a file (systemd.exec(5), `EnvironmentFile=`).
fn lines(path: &Path) -> Result<Vec<(OsString, OsString)>, NoEnvironment> {
    let text = read(path)?;
    let lines = text.lines().enumerate();
    let lines = lines.map(|(place, line)| (place + 1, line.trim()));
    lines
        .filter(|(_, line)| !line.is_empty() && !line.starts_with(['#', ';']))
        .map(|(line, text)| {
            let (name, value) = text
                .split_once('=')
                .filter(|(name, value)| !name.trim().is_empty() && !value.contains('\0'))
                .ok_or_else(|| NoEnvironment::NoVariable {
                    path: path.to_owned(),
                    line,
                })?;
            Ok((name.trim().into(), unquoted(value.trim()).into()))
        })
        .collect()
}

fn unquoted(value: &str) -> &str {
    let inner = |quote| value.strip_prefix(quote)?.strip_suffix(quote);
    inner('"').or_else(|| inner('\'')).unwrap_or(value)
}

/// The text of a file without the line break that editors put at its end.
fn secret(
    name: &str,
    file: &Path,
    own: &[(OsString, OsString)],
) -> Result<OsString, NoEnvironment> {
    let path = if file.is_absolute() {
        file.to_owned()
    } else {
        let folder = own.iter().find(|(name, _)| name == CREDENTIALS);
        let (_, folder) = folder.ok_or_else(|| NoEnvironment::NoCredentials(name.to_owned()))?;
        Path::new(folder).join(file)
    };
    let text = read(&path)?;
    let text = text.strip_suffix('\n').unwrap_or(&text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    if text.contains('\0') {
        return Err(NoEnvironment::Nul(path));
    }
    Ok(text.into())
}

fn read(path: &Path) -> Result<String, NoEnvironment> {
    fs::read_to_string(path).map_err(|error| NoEnvironment::Unreadable(path.to_owned(), error))
}

/// Variables that every server gets when the origin has them.
const PASSED: [&str; 5] = ["PATH", "HOME", "LANG", "TZ", "TMPDIR"];

/// Where the service manager puts what only root could read (systemd.exec(5), `LoadCredential=`).
const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn server(keys: &str) -> Server {
        let text = format!("[[servers]]\nname = \"s\"\ncommand = [\"true\"]\n{keys}\n");
        let mut report = findings::Report::new();
        let document = findings::Document::parse(&text, "x", &mut report);
        let (config, report) = origin_config::load(document);
        let mut config = config.unwrap_or_else(|| panic!("{report}"));
        config.servers.remove(0)
    }

    fn of(pairs: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
        let pairs = pairs.iter();
        pairs
            .map(|(name, value)| (name.into(), value.into()))
            .collect()
    }

    fn file(folder: &Path, name: &str, text: &str) -> String {
        let path = folder.join(name);
        let mut file = fs::File::create(&path).expect("a file");
        file.write_all(text.as_bytes()).expect("written");
        path.display().to_string()
    }

    #[test]
    fn a_server_gets_a_small_environment_and_what_it_names() {
        let own = of(&[
            ("PATH", "/bin"),
            ("LC_ALL", "C"),
            ("TOKEN", "t"),
            ("SECRET", "s"),
        ]);
        let server = server("environment_pass = [\"TOKEN\"]\nenvironment = { A = \"1\" }");
        let found = environment(&server, &own).expect("an environment");
        let names: Vec<_> = found.keys().collect();
        assert_eq!(names, ["A", "LC_ALL", "PATH", "TOKEN"]);
    }

    #[test]
    fn a_secret_wins_over_what_is_set_and_that_over_a_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let lines = "# A=no\n\nA=file\nB=\"file b\"\n; C=no\nC='file c'\nD=a=b\n";
        let lines = file(folder.path(), "lines", lines);
        let token = file(folder.path(), "token", "s3cret\n");
        file(folder.path(), "named", "by name");
        let server = server(&format!(
            "environment_files = [{lines:?}]\nenvironment = {{ A = \"set\", T = \"set\" }}\n\
             environment_secrets = {{ T = {token:?}, N = \"named\" }}"
        ));
        let folder = folder.path().display().to_string();
        let own = of(&[("CREDENTIALS_DIRECTORY", &folder)]);
        let found = environment(&server, &own).expect("an environment");
        let expected = of(&[
            ("A", "set"),
            ("B", "file b"),
            ("C", "file c"),
            ("D", "a=b"),
            ("N", "by name"),
            ("T", "s3cret"),
        ]);
        assert_eq!(found.into_iter().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn what_cannot_be_had_is_named_without_a_value() {
        let folder = tempfile::tempdir().expect("a folder");
        let odd = file(folder.path(), "odd", "A=1\nhunter2\n");
        let nul = file(folder.path(), "nul", "hunter2\0");
        for (keys, why) in [
            (
                "environment_files = [\"/nowhere/e\"]".to_owned(),
                "`/nowhere/e` cannot be read",
            ),
            (format!("environment_files = [{odd:?}]"), "line 2"),
            (format!("environment_secrets = {{ T = {nul:?} }}"), "NUL"),
            (
                "environment_secrets = { T = \"x\" }".to_owned(),
                "LoadCredential",
            ),
        ] {
            let error = environment(&server(&keys), &[]).expect_err(why).to_string();
            assert!(error.contains(why) && !error.contains("hunter"), "{error}");
        }
    }
}

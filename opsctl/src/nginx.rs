//! Which NGINX there is, what it can do, and what it says of a configuration.

mod memory;
mod package;
mod trials;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use deploy::Target;
use findings::Finding;

use crate::error::{CommandError, HostError};
use crate::exit::Exit;
use crate::host;

/// An NGINX of this machine.
#[derive(Debug, Clone)]
pub(crate) struct Nginx {
    /// The program.
    pub(crate) program: PathBuf,
    /// What it is.
    pub(crate) target: Target,
}

/// Where to look for an NGINX.
#[derive(Debug, Clone, Default)]
pub(crate) struct Places {
    /// What the person named by `--nginx` or `OPSCTL_NGINX`.
    pub(crate) named: Option<String>,
    /// `PATH`.
    pub(crate) path: Option<OsString>,
    /// The user's cache folder.
    pub(crate) cache: Option<PathBuf>,
}

impl Places {
    /// The places of this process.
    pub(crate) fn of_environment(named: Option<String>) -> Self {
        Self {
            named: named.filter(|name| !name.is_empty()),
            path: std::env::var_os("PATH"),
            cache: user_cache(),
        }
    }
}

/// The user's cache folder.
fn user_cache() -> Option<PathBuf> {
    let home = std::env::var_os("HOME").map(PathBuf::from);
    std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
        .or_else(|| Some(home?.join(".cache")))
}

/// Finds an NGINX with HTTP/3: the one that was named, else the one on PATH when it has HTTP/3 and stream, else the newest
/// build in the cache.
///
/// # Errors
/// Exit 17 when there is none.
pub(crate) async fn discover(places: &Places) -> Result<Nginx, CommandError> {
    if let Some(name) = &places.named {
        let nginx = open(name, places).await?;
        if !nginx.target.has_http_v3 {
            let message = format!(
                "`{}` is NGINX {} without HTTP/3",
                nginx.program.display(),
                nginx.target.version
            );
            return Err(missing(message).hint(HINT).into());
        }
        return Ok(nginx);
    }
    let mut seen = Vec::new();
    for program in candidates(places) {
        match ask(&program).await {
            Ok(nginx) if is_whole(&nginx.target) => return Ok(more_of(nginx).await),
            Ok(nginx) => seen.push(format!(
                "`{}` is {} without it",
                program.display(),
                nginx.target.version
            )),
            Err(_) => seen.push(format!("`{}` does not say what it is", program.display())),
        }
    }
    let mut message = "there is no NGINX with HTTP/3 here".to_owned();
    if !seen.is_empty() {
        message = format!("{message}: {}", seen.join(", "));
    }
    Err(missing(message).hint(HINT).into())
}

/// The NGINX of this name or path, whatever it can do.
///
/// # Errors
/// Exit 17 when there is no such program, or it is no NGINX.
pub(crate) async fn open(name: &str, places: &Places) -> Result<Nginx, CommandError> {
    let program = host::find_program(name, places.path.as_deref())
        .ok_or_else(|| missing(format!("there is no program `{name}`")).hint(HINT))
        .map_err(CommandError::from)?;
    Ok(more_of(ask(&program).await?).await)
}

/// What its version does not say: what its distribution added, and the package that it came in.
async fn more_of(mut nginx: Nginx) -> Nginx {
    // a program in a temporary folder is gone before it is asked again
    let is_lasting = !nginx.program.starts_with(std::env::temp_dir());
    let cache = user_cache().filter(|_| is_lasting);
    let memory = memory::Memory::of(&nginx.program, &nginx.target, cache.as_deref());
    if memory
        .as_ref()
        .is_some_and(|memory| memory.recall(&mut nginx.target))
    {
        return nginx;
    }
    nginx.target.backports = trials::backports(&nginx.program, &nginx.target).await;
    nginx.target.package = package::of(&nginx.program).await;
    tracing::debug!(backports = ?nginx.target.backports, package = ?nginx.target.package, "asked for more");
    if let Some(memory) = memory {
        memory.keep(&nginx.target);
    }
    nginx
}

/// The NGINX on PATH, then the builds of the cache, newest first.
fn candidates(places: &Places) -> Vec<PathBuf> {
    let on_path = host::find_program("nginx", places.path.as_deref());
    let mut built: Vec<(SystemTime, PathBuf)> = places
        .cache
        .as_ref()
        .and_then(|cache| std::fs::read_dir(cache.join(CACHE)).ok())
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path().join("sbin/nginx"))
        .filter(|program| host::is_program(program))
        .filter_map(|program| Some((program.metadata().ok()?.modified().ok()?, program)))
        .collect();
    built.sort();
    on_path
        .into_iter()
        .chain(built.into_iter().rev().map(|(_, program)| program))
        .collect()
}

fn is_whole(target: &Target) -> bool {
    target.has_http_v3 && target.stream != deploy::target::Stream::Absent
}

/// Asks a program what it is (`nginx -V`).
async fn ask(program: &Path) -> Result<Nginx, CommandError> {
    let said = run(program, &["-V".to_owned()])
        .await
        .map_err(|error| CommandError::new(Exit::Prerequisite, error))?;
    let target = Target::from_nginx_v(&said.text).map_err(|error| {
        CommandError::from(missing(format!(
            "`{}` does not say that it is NGINX: its answer {error}",
            program.display()
        )))
    })?;
    tracing::debug!(program = %program.display(), version = %target.version, http_v3 = target.has_http_v3, "asked");
    Ok(Nginx {
        program: program.to_owned(),
        target,
    })
}

fn missing(message: String) -> Finding {
    Finding::error("host.nginx", message)
}

impl From<Finding> for CommandError {
    /// A finding about this machine: a prerequisite is missing.
    fn from(finding: Finding) -> Self {
        Self::finding(Exit::Prerequisite, finding)
    }
}

/// What `nginx -t` said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tested {
    /// Whether the configuration is valid.
    pub(crate) ok: bool,
    /// Warnings and errors, without NGINX's own prefix, errors first.
    pub(crate) messages: Vec<String>,
}

/// Tests a configuration.
pub(crate) async fn test(program: &Path, arguments: &[String]) -> Result<Tested, HostError> {
    let said = run(program, arguments).await?;
    Ok(Tested {
        ok: said.ok,
        messages: messages(&said.text),
    })
}

/// The configuration that NGINX reads, with all that it includes, as `nginx -T` prints it; the arguments are those of a
/// test (`-t`).
pub(crate) async fn dump(program: &Path, arguments: &[String]) -> Result<Vec<u8>, HostError> {
    let printing = |word: &String| {
        if word == "-t" {
            "-T".to_owned()
        } else {
            word.clone()
        }
    };
    let arguments: Vec<_> = arguments.iter().map(printing).collect();
    Ok(output(program, &arguments).await?.stdout)
}

struct Said {
    ok: bool,
    text: String,
}

async fn run(program: &Path, arguments: &[String]) -> Result<Said, HostError> {
    let output = output(program, arguments).await?;
    let mut text = String::from_utf8_lossy(&output.stderr).into_owned();
    text.push_str(&String::from_utf8_lossy(&output.stdout));
    Ok(Said {
        ok: output.status.success(),
        text,
    })
}

async fn output(program: &Path, arguments: &[String]) -> Result<std::process::Output, HostError> {
    let name = program.display().to_string();
    let mut command = tokio::process::Command::new(program);
    command
        .args(arguments)
        .stdin(std::process::Stdio::null())
        .kill_on_drop(true);
    tokio::time::timeout(PATIENCE, command.output())
        .await
        .map_err(|_| std::io::Error::from(std::io::ErrorKind::TimedOut))
        .and_then(|output| output)
        .map_err(HostError::on("run", name))
}

/// The messages of level warn and above, without `nginx:` or the time and process that a log line begins with.
pub(crate) fn messages(text: &str) -> Vec<String> {
    let mut found: Vec<&str> = text
        .lines()
        .filter_map(|line| {
            let start = LEVELS.iter().filter_map(|level| line.find(level)).min()?;
            Some(line[start..].trim_end())
        })
        .collect();
    found.sort_by_key(|line| line.starts_with("[warn]"));
    found.dedup();
    found.into_iter().map(str::to_owned).collect()
}

/// A message of NGINX as a finding: `… in /path/file.conf:12` at its end is the place.
pub(crate) fn finding(message: &str) -> Finding {
    let (level, text) = message
        .strip_prefix('[')
        .and_then(|rest| rest.split_once("] "))
        .unwrap_or(("emerg", message));
    // a line of the log has process and thread before its text
    let text = match text.split_once(": ") {
        Some((process, rest)) if is_process(process) => rest,
        _ => text,
    };
    let placed = text.rsplit_once(" in ").and_then(|(text, place)| {
        let (file, line) = place.rsplit_once(':')?;
        Some((text, file, line.parse().ok()?))
    });
    let build = if level == "warn" {
        Finding::warn
    } else {
        Finding::error
    };
    match placed {
        Some((text, file, line)) => {
            let mut finding = build("nginx.rejected", text);
            finding.file = Some(file.to_owned());
            finding.line = Some(line);
            finding
        }
        None => build("nginx.rejected", text),
    }
}

/// `416#416`, as NGINX names itself in its log.
fn is_process(word: &str) -> bool {
    word.split_once('#').is_some_and(|(process, thread)| {
        [process, thread]
            .iter()
            .all(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
    })
}

const LEVELS: [&str; 5] = ["[warn]", "[error]", "[crit]", "[alert]", "[emerg]"];
const CACHE: &str = "mcp-edge-kit/nginx";
const HINT: &str = "install NGINX 1.25.1 or newer with `--with-http_v3_module` (Debian 13 has it), name one by `--nginx PATH` or \
`OPSCTL_NGINX`, or let `cargo xtask demo` build one";
/// `nginx -t` resolves host names and waits for DNS; 30 s is longer than its resolver's retries.
const PATIENCE: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::host::files;

    /// A folder in which `name` is a script that says what a given NGINX says.
    fn fake(folder: &Path, name: &str, version: &str, arguments: &str) -> PathBuf {
        let path = folder.join(name);
        let text = format!(
            "#!/bin/sh\necho 'nginx version: nginx/{version}' >&2\necho 'configure arguments: {arguments}' >&2\n"
        );
        files::make_folder(path.parent().expect("below"), 0o755, (None, None)).expect("made");
        let file = files::NewFile {
            path: &path,
            contents: text.as_bytes(),
            mode: 0o755,
            owner: (None, None),
        };
        files::replace(file).expect("written");
        assert_eq!(
            path.metadata().expect("there").permissions().mode() & 0o777,
            0o755
        );
        path
    }

    const WHOLE: &str = "--with-http_v3_module --with-stream";

    fn places(folder: &Path, named: Option<&Path>) -> Places {
        Places {
            named: named.map(|path| path.display().to_string()),
            path: Some(folder.join("bin").into_os_string()),
            cache: Some(folder.to_owned()),
        }
    }

    #[tokio::test]
    async fn the_named_one_comes_first_then_the_path_then_the_cache() {
        let folder = tempfile::tempdir().expect("a folder");
        let cached = fake(
            folder.path(),
            "mcp-edge-kit/nginx/1.28.3-ab/sbin/nginx",
            "1.28.3",
            WHOLE,
        );
        let named = fake(
            folder.path(),
            "own/nginx",
            "1.30.6",
            "--with-http_v3_module",
        );
        let on_path = fake(folder.path(), "bin/nginx", "1.26.3", WHOLE);
        let found = async |named| {
            discover(&places(folder.path(), named))
                .await
                .map(|nginx| nginx.program)
        };
        assert_eq!(found(Some(&named)).await.expect("there"), named);
        assert_eq!(found(None).await.expect("there"), on_path);
        fake(folder.path(), "bin/nginx", "1.22.1", "--with-stream");
        assert_eq!(found(None).await.expect("there"), cached);
    }

    #[tokio::test]
    async fn a_named_one_without_http3_is_a_missing_prerequisite() {
        let folder = tempfile::tempdir().expect("a folder");
        let old = fake(folder.path(), "own/nginx", "1.22.1", "--with-stream");
        let error = discover(&places(folder.path(), Some(&old)))
            .await
            .expect_err("too old");
        assert_eq!(error.exit, Exit::Prerequisite);
        assert!(
            error.findings.to_string().contains("without HTTP/3"),
            "{}",
            error.findings
        );
        let none = discover(&places(folder.path(), Some(Path::new("/nowhere/nginx")))).await;
        assert_eq!(none.expect_err("not there").exit, Exit::Prerequisite);
    }

    #[test]
    fn a_message_of_nginx_becomes_a_finding_with_its_place() {
        let text = "nginx: [warn] old in /x:1\nnginx: [emerg] unknown directive \"bufering\" in /etc/nginx/conf.d/a.conf:12\n\
                    nginx: configuration file /etc/nginx/nginx.conf test failed\n";
        let messages = messages(text);
        assert_eq!(messages.len(), 2);
        let logged = super::finding("[emerg] 416#416: unknown directive \"x\" in /a.conf:1");
        assert_eq!(logged.message, "unknown directive \"x\"");
        let finding = finding(&messages[0]);
        assert_eq!(finding.message, "unknown directive \"bufering\"");
        assert_eq!(
            (finding.file.as_deref(), finding.line),
            (Some("/etc/nginx/conf.d/a.conf"), Some(12))
        );
    }
}

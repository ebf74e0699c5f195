//! `nginx.lint`: the configuration that NGINX reads, hand edits, snippets and other sites included, does no harm to streams
//! and HTTP/3.

use std::path::{Path, PathBuf};

use deploy::Deployment;
use deploy::lint::{Known, is_rendered, lint};
use deploy::nginx_conf::{Config, split_dump};
use findings::{Finding, Report, Severity};

use super::aim::EdgeAim;
use super::verdict::Verdict;
use crate::{named_certificates, nginx};

/// What the rules found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Found {
    finding: Finding,
    /// Whether it stands in a file of the deployment: one that opsctl rendered, whoever edited it since, or a snippet.
    is_own: bool,
}

/// Judges what NGINX would read at its next reload; why that cannot be known here, else.
pub(crate) async fn gather(aim: &EdgeAim) -> Result<Vec<Found>, String> {
    let (program, arguments) = aim.test.as_ref().map_err(Clone::clone)?;
    let dump = nginx::dump(program, arguments).await;
    let config = read(&dump.map_err(|error| error.to_string())?)?;
    let folder = Path::new(&config.main).parent().map(Path::to_owned);
    let certificates =
        named_certificates::see(&config.config, |name| Some(folder.as_ref()?.join(name)));
    let known = Known {
        target: Some(&aim.nginx),
        certificates: &certificates,
    };
    Ok(judged(&config.config, known, &aim.snippets))
}

/// The errors in files of a deployment, of what `nginx -T` printed of a configuration that is not in place yet. Its
/// certificates may not be there either, and are not looked at.
pub(crate) fn errors_in(dump: &[u8], deployment: &Deployment) -> Report {
    let mut report = Report::new();
    // what cannot be read here NGINX has taken, and the verification looks at it once more
    let Ok(read) = read(dump) else {
        return report;
    };
    let known = Known {
        target: Some(&deployment.target),
        certificates: &[],
    };
    let found = judged(&read.config, known, &snippets(deployment));
    for one in found.into_iter().filter(Found::is_failure) {
        report.push(one.finding);
    }
    report
}

/// The folder of a deployment's snippets.
pub(crate) fn snippets(deployment: &Deployment) -> PathBuf {
    deployment.paths.pieces.as_path().join("snippets")
}

/// A configuration, and the file that it begins with.
struct Read {
    config: Config,
    main: String,
}

fn read(dump: &[u8]) -> Result<Read, String> {
    let dump = split_dump(dump).ok_or("NGINX prints no configuration that it does not take")?;
    let main = dump.main().to_owned();
    let config = Config::load(&main, &dump)?;
    Ok(Read { config, main })
}

fn judged(config: &Config, known: Known<'_>, snippets: &Path) -> Vec<Found> {
    let problems = lint(config, known).into_iter();
    // an old NGINX is told of where one is chosen: it is no fault of its configuration
    let problems = problems.filter(|problem| problem.rule != "target-cve");
    let found = problems.map(|problem| Found {
        is_own: config.files.get(problem.file).is_some_and(|file| {
            Path::new(&file.name).starts_with(snippets) || is_rendered(&file.document)
        }),
        finding: problem.finding(config),
    });
    found.collect()
}

impl Found {
    fn is_failure(&self) -> bool {
        self.is_own && self.finding.severity == Severity::Error
    }
}

/// Fails for an error in a file of the deployment; one elsewhere is a warning, for another site may be meant so.
pub(crate) fn judge(found: &Result<Vec<Found>, String>) -> Verdict {
    let found = match found {
        Err(reason) => return Verdict::skip(reason.clone()),
        Ok(found) => found,
    };
    let told = found
        .iter()
        .filter(|one| one.finding.severity > Severity::Note);
    let count = told.clone().count();
    let first = found.iter().find(|one| one.is_failure());
    let Some(worst) = first.or_else(|| told.max_by_key(|one| one.finding.severity)) else {
        return Verdict::pass("`opsctl lint` finds nothing in what NGINX reads");
    };
    let text = worst.finding.to_string();
    let line = text.lines().next().unwrap_or_default();
    let more = match count {
        0 | 1 => String::new(),
        _ => format!("; {} more: `nginx -T | opsctl lint -`", count - 1),
    };
    let detail = format!("{line}{more}");
    if first.is_some() {
        Verdict::fail(detail)
    } else {
        Verdict::warn(detail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::Status;
    use crate::made_up;

    fn found(severity: Severity, is_own: bool) -> Found {
        Found {
            finding: Finding::new(severity, "a-rule", "wrong"),
            is_own,
        }
    }

    #[test]
    fn an_error_of_our_own_file_fails_and_one_of_another_site_warns() {
        let status = |found: Vec<Found>| judge(&Ok(found)).status;
        assert_eq!(status(vec![]), Status::Pass);
        assert_eq!(status(vec![found(Severity::Note, true)]), Status::Pass);
        assert_eq!(status(vec![found(Severity::Warn, true)]), Status::Warn);
        assert_eq!(status(vec![found(Severity::Error, false)]), Status::Warn);
        let both = vec![found(Severity::Error, false), found(Severity::Error, true)];
        assert_eq!(status(both), Status::Fail);
        assert_eq!(judge(&Err("not root".to_owned())).status, Status::Skip);
    }

    #[test]
    fn a_snippet_that_holds_streams_back_is_an_error_of_the_deployment() {
        let folder = tempfile::tempdir().expect("a folder");
        let (deployment, _) =
            made_up::deployment(&made_up::spec("self_signed = true"), folder.path());
        let errors = |file: &str| {
            let dump = format!(
                "# configuration file /etc/nginx/nginx.conf:\nhttp {{\n    server {{\n        include {file};\n    }}\n}}\n\n\
                 # configuration file {file}:\nlocation /mcp {{\n    proxy_pass http://127.0.0.1:8000;\n    \
                 proxy_buffering on;\n    proxy_ignore_headers X-Accel-Buffering;\n}}\n\n"
            );
            errors_in(dump.as_bytes(), &deployment)
        };
        let own = snippets(&deployment).join("server/clumps.conf");
        let report = errors(&own.to_string_lossy());
        let mut findings = report.findings().iter();
        let found = findings.find(|finding| finding.id == "accel-buffering-ignored");
        let finding = found.unwrap_or_else(|| panic!("{report}"));
        assert_eq!(finding.file.as_deref(), own.to_str());
        assert!(!errors("/etc/nginx/sites-enabled/other").has_errors());
    }

    #[test]
    fn the_detail_says_how_many_more_there_are() {
        let two = vec![found(Severity::Warn, true), found(Severity::Warn, true)];
        let detail = judge(&Ok(two)).detail;
        assert!(detail.contains("1 more"), "{detail}");
    }
}

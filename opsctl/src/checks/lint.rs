//! `nginx.lint`: the configuration that NGINX reads, hand edits and other sites included, does no harm to streams and HTTP/3.

use std::path::Path;

use deploy::lint::{Known, is_rendered, lint};
use deploy::nginx_conf::{Config, split_dump};
use findings::Severity;

use super::aim::EdgeAim;
use super::verdict::Verdict;
use crate::{named_certificates, nginx};

/// What the rules found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Found {
    severity: Severity,
    /// Whether it stands in a file that opsctl rendered, whoever edited it since.
    is_own: bool,
    text: String,
}

/// Judges what NGINX would read at its next reload; why that cannot be known here, else.
pub(crate) async fn gather(aim: &EdgeAim) -> Result<Vec<Found>, String> {
    let (program, arguments) = aim.test.as_ref().map_err(Clone::clone)?;
    let dump = nginx::dump(program, arguments).await;
    let dump = split_dump(&dump.map_err(|error| error.to_string())?);
    let dump = dump.ok_or("NGINX prints no configuration that it does not take")?;
    let config = Config::load(dump.main(), &dump)?;
    let folder = Path::new(dump.main()).parent().map(Path::to_owned);
    let certificates = named_certificates::see(&config, |name| Some(folder.as_ref()?.join(name)));
    let known = Known {
        target: Some(&aim.nginx),
        certificates: &certificates,
    };
    let problems = lint(&config, known).into_iter();
    // an old NGINX is told of where one is chosen: it is no fault of its configuration
    let problems = problems.filter(|problem| problem.rule != "target-cve");
    let found = problems.map(|problem| Found {
        severity: problem.severity,
        is_own: config.document(problem.file).is_some_and(is_rendered),
        text: problem.finding(&config).to_string(),
    });
    Ok(found.collect())
}

/// Fails for an error in a file of the deployment; one elsewhere is a warning, for another site may be meant so.
pub(crate) fn judge(found: &Result<Vec<Found>, String>) -> Verdict {
    let found = match found {
        Err(reason) => return Verdict::skip(reason.clone()),
        Ok(found) => found,
    };
    let is_failure = |one: &&Found| one.is_own && one.severity == Severity::Error;
    let told = found.iter().filter(|one| one.severity > Severity::Note);
    let count = told.clone().count();
    let first = found.iter().find(is_failure);
    let Some(worst) = first.or_else(|| told.max_by_key(|one| one.severity)) else {
        return Verdict::pass("`opsctl lint` finds nothing in what NGINX reads");
    };
    let line = worst.text.lines().next().unwrap_or_default();
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

    fn found(severity: Severity, is_own: bool) -> Found {
        Found {
            severity,
            is_own,
            text: "a.conf:1: wrong".to_owned(),
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
    fn the_detail_says_how_many_more_there_are() {
        let two = vec![found(Severity::Warn, true), found(Severity::Warn, true)];
        let detail = judge(&Ok(two)).detail;
        assert!(detail.contains("1 more"), "{detail}");
    }
}

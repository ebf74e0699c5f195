//! The verification as a table: a row a check, a column for each version of HTTP.

use std::fmt::Write as _;

use probe::Version;

use super::table::{Cell, table};
use super::{Paint, printable};
use crate::checks::{Check, Status, Verification};

/// The table, a line that counts, and the pages that show the same in a browser.
pub(crate) fn human(verification: &Verification, paint: Paint) -> String {
    let checks = &verification.checks;
    let sites = checks.iter().any(|check| check.site.is_some());
    let mut head = vec!["CHECK"];
    head.extend(sites.then_some("SITE"));
    head.extend(["STATUS", "H1", "H2", "H3", "TIME", "DETAIL"]);
    let mut rows = vec![
        head.into_iter()
            .map(|text| Cell::painted(text, |text| paint.dim(text)))
            .collect(),
    ];
    for check in checks {
        let mut row = vec![Cell::plain(check.id.as_str())];
        row.extend(sites.then(|| Cell::plain(check.site.clone().unwrap_or_default())));
        row.push(status(check.verdict.status, paint));
        row.extend(Version::ALL.map(|version| {
            let found = check.verdict.versions.iter().find(|(of, _)| *of == version);
            found.map_or_else(|| Cell::plain(""), |(_, of)| status(*of, paint))
        }));
        let time = if check.verdict.status == Status::Skip {
            String::new()
        } else {
            format!("{:.0} ms", check.ms)
        };
        row.push(Cell::plain(time));
        row.push(Cell::plain(printable(&check.verdict.detail)));
        rows.push(row);
    }
    let mut text = table(&rows);
    text.push_str(&counts(checks));
    for page in &verification.h3check {
        let _ = writeln!(text, "which HTTP a browser uses: {page}");
    }
    text
}

fn status(status: Status, paint: Paint) -> Cell {
    Cell::painted(status.to_string(), |text| match status {
        Status::Pass => paint.green(text),
        Status::Warn => paint.yellow(text),
        Status::Fail => paint.red(text),
        Status::Skip => paint.dim(text),
    })
}

fn counts(checks: &[Check]) -> String {
    let parts: Vec<_> = [
        (Status::Pass, "passed"),
        (Status::Warn, "with a warning"),
        (Status::Fail, "failed"),
        (Status::Skip, "skipped"),
    ]
    .into_iter()
    .filter_map(|(status, words)| {
        let count = checks
            .iter()
            .filter(|check| check.verdict.status == status)
            .count();
        (count > 0).then(|| format!("{count} {words}"))
    })
    .collect();
    let failed = checks
        .iter()
        .any(|check| check.verdict.status == Status::Fail);
    let page = if failed { FAILED } else { "" };
    format!("\n{} checks: {}\n{page}", checks.len(), parts.join(", "))
}

/// The package installs that page too, beside the README.
const FAILED: &str = "what each means, and what to do: docs/checks.md\n";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::{Id, Verdict};

    #[test]
    fn the_versions_have_their_columns() {
        let mut verdict = Verdict::fail("held back");
        verdict.versions = vec![
            (Version::Http1, Status::Fail),
            (Version::Http3, Status::Pass),
        ];
        let check = Check {
            id: Id::Cadence,
            site: None,
            verdict,
            ms: 12.4,
        };
        let verification = Verification {
            deployment: "demo".to_owned(),
            generation: String::new(),
            topology: String::new(),
            checks: vec![check],
            h3check: vec!["https://localhost/h3check".to_owned()],
        };
        let text = human(&verification, Paint(false));
        let expected = "CHECK           STATUS  H1    H2  H3    TIME   DETAIL\n\
                        stream.cadence  fail    fail      pass  12 ms  held back\n\n1 checks: 1 failed\n\
                        what each means, and what to do: docs/checks.md\n\
                        which HTTP a browser uses: https://localhost/h3check\n";
        assert_eq!(text, expected);
    }
}

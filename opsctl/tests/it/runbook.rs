//! The runbook's table of exit codes is the one that the program has.

use opsctl::exit::Exit;

const RUNBOOK: &str = include_str!("../../../RUNBOOK.md");
const HEADING: &str = "## 9. Exit codes of `opsctl`";

/// The first two columns of the table below `HEADING`, less its head.
fn table(page: &str) -> Vec<(&str, &str)> {
    let (_, section) = page.split_once(HEADING).expect("the section is there");
    let rows = section
        .lines()
        .skip_while(|line| !line.starts_with('|'))
        .take_while(|line| line.starts_with('|'));
    rows.skip(2)
        .map(|row| {
            let mut cells = row.split('|').skip(1).map(str::trim);
            (
                cells.next().unwrap_or_default(),
                cells.next().unwrap_or_default(),
            )
        })
        .collect()
}

#[test]
fn the_runbook_lists_every_exit_code_with_its_meaning() {
    let documented: Vec<_> = table(RUNBOOK)
        .into_iter()
        .map(|(code, meaning)| (code.to_owned(), meaning.to_owned()))
        .collect();
    let real: Vec<_> = Exit::ALL
        .iter()
        .map(|exit| (exit.code().to_string(), exit.meaning().to_owned()))
        .collect();
    assert_eq!(documented, real);
}

/// The sections of a page below its head, each with its heading.
fn sections(page: &str) -> impl Iterator<Item = (&str, &str)> {
    let sections = page.split("\n## ").skip(1);
    sections.map(|section| section.split_once('\n').expect("a heading"))
}

#[test]
fn each_exit_code_has_a_section_with_its_meaning_and_the_way_out() {
    let page = include_str!("../../../docs/exit-codes.md");
    let headings: Vec<_> = sections(page)
        .map(|(heading, _)| heading.to_owned())
        .collect();
    let codes = Exit::ALL.iter().map(|exit| exit.code().to_string());
    assert_eq!(headings, codes.collect::<Vec<_>>());
    for ((_, text), exit) in sections(page).zip(Exit::ALL) {
        let meaning = format!("- **Means** {}", exit.meaning());
        assert!(text.trim_start().starts_with(&meaning), "{text}");
        for part in ["- **Clients** ", "- **Find** ", "- **Do** "] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
}

#[test]
fn each_alert_asks_for_metrics_that_there_are_and_has_the_way_out() {
    let metrics = include_str!("../../../docs/metrics.md");
    for (heading, text) in sections(include_str!("../../../docs/alerts.md")) {
        let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let named =
            words.filter(|word| word.starts_with("origin_") || word.starts_with("process_"));
        for metric in named.map(|metric| metric.trim_end_matches("_count")) {
            assert!(
                metrics.contains(&format!("`{metric}`")),
                "{heading}: {metric}"
            );
        }
        for part in ["- **Means** ", "- **Clients** ", "- **Find** ", "- **Do** "] {
            assert!(text.contains(part), "{heading}: {part}");
        }
    }
}

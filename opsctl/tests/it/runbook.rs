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

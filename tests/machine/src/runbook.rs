//! The blocks of commands in a runbook: what is run, what it has to print, and what is not run and why.

use crate::machine::Machine;
use crate::said::Said;

/// One block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// The line of its first command, counted from 1.
    pub line: usize,
    /// The commands, for bash.
    pub text: String,
    /// Where it is run.
    pub way: Way,
    /// What it prints, where the page says so; `…` stands for anything, and alone for any lines.
    pub prints: Option<String>,
}

/// Where a block is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// `sh`: on the machine that opsctl brings up.
    Here,
    /// `sh by hand`: on the machine that is brought up by hand.
    ByHand,
    /// `sh not run: WHY`.
    NotRun,
}

/// The blocks of a page, in their order.
///
/// # Errors
/// A fence of another kind, one that is not run for no reason, and an output that follows no commands: each with its line.
pub fn blocks(page: &str) -> Result<Vec<Block>, String> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut lines = (1..).zip(page.lines());
    let mut above = 0;
    while let Some((line, text)) = lines.next() {
        let Some(info) = text.strip_prefix("```") else {
            continue;
        };
        let inside = lines.by_ref().map(|(_, text)| text);
        let inside: Vec<_> = inside.take_while(|text| *text != "```").collect();
        let text = inside.iter().flat_map(|line| [*line, "\n"]).collect();
        let follows = line == above + 1;
        above = line + inside.len() + 1;
        match info.split_once(' ').unwrap_or((info, "")) {
            ("sh", word) => blocks.push(Block {
                line: line + 1,
                text,
                way: way(word)
                    .ok_or_else(|| format!("line {line}: `{info}` is no kind of block"))?,
                prints: None,
            }),
            ("text", "") => match blocks.last_mut().filter(|_| follows) {
                Some(block) => block.prints = Some(text),
                None => return Err(format!("line {line}: an output that follows no commands")),
            },
            ("toml", "") => {}
            _ => return Err(format!("line {line}: `{info}` is no kind of block")),
        }
    }
    Ok(blocks)
}

fn way(word: &str) -> Option<Way> {
    match word {
        "" => Some(Way::Here),
        "by hand" => Some(Way::ByHand),
        _ => word
            .strip_prefix("not run: ")
            .filter(|why| why.contains(' '))
            .map(|_| Way::NotRun),
    }
}

impl Block {
    /// Runs it, with the folder, the variables and the functions that the blocks before it left. Each command of it has to
    /// succeed; what may fail on a loaded machine or after a reload of NGINX is tried again.
    ///
    /// # Panics
    /// When a command fails, or prints something else than the page says.
    pub fn run(&self, machine: &Machine) {
        machine.write("/run/runbook/block", &self.text);
        machine.write("/run/runbook/shell", SHELL);
        let mut said = machine.run("bash /run/runbook/shell");
        for _ in 1..TRIES {
            if !TRIED_AGAIN.contains(&said.code) {
                break;
            }
            said = machine.run("bash /run/runbook/shell");
        }
        let Said { code, out, talk } = &said;
        let all = format!(
            "line {}:\n{}\nended with {code}:\n{out}{talk}",
            self.line, self.text
        );
        assert_eq!(*code, 0, "{all}");
        if let Some(prints) = &self.prints {
            assert!(
                is_like(out, prints),
                "{all}\nand not as the page says:\n{prints}"
            );
        }
        machine.note(all);
    }
}

/// Whether a text is as a page says.
fn is_like(text: &str, said: &str) -> bool {
    let text: Vec<_> = text.lines().map(str::trim_end).collect();
    let said: Vec<_> = said.lines().collect();
    are_like(&text, &said)
}

fn are_like(text: &[&str], said: &[&str]) -> bool {
    match said {
        [] => text.is_empty(),
        [ANYTHING, rest @ ..] => (0..=text.len()).any(|skipped| are_like(&text[skipped..], rest)),
        [line, rest @ ..] => text
            .split_first()
            .is_some_and(|(first, after)| line_is_like(first, line) && are_like(after, rest)),
    }
}

fn line_is_like(line: &str, said: &str) -> bool {
    let Some((start, rest)) = said.split_once(ANYTHING) else {
        return line == said;
    };
    let Some(line) = line.strip_prefix(start) else {
        return false;
    };
    let mut places = line.char_indices().map(|(at, _)| at).chain([line.len()]);
    places.any(|at| line_is_like(&line[at..], rest))
}

const ANYTHING: &str = "…";
const TRIES: usize = 3;
/// A verification measures times and may say no (14); over HTTP/3 old workers of NGINX lose new connections for a while, which
/// curl calls 28 (no answer) or 95 (reset).
const TRIED_AGAIN: &[i32] = &[14, 28, 95];
const SHELL: &str = r#"
[ ! -e /run/runbook/left ] || . /run/runbook/left 2>/dev/null
set -e
. /run/runbook/block
set +e
{ declare -p; declare -f; printf 'cd %q\n' "$PWD"; } > /run/runbook/left
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_block_of_the_committed_page_is_run_or_says_why_not() {
        let page = include_str!("../../../RUNBOOK.md");
        let blocks = blocks(page).unwrap_or_else(|error| panic!("{error}"));
        let count = |way| blocks.iter().filter(|block| block.way == way).count();
        assert!(count(Way::Here) > 2 * count(Way::NotRun), "{blocks:#?}");
        assert_eq!(count(Way::ByHand), 2);
    }

    #[test]
    fn blocks_have_their_commands_and_what_they_print() {
        let page = "a\n```sh\nls\ncd /\n```\n```text\nx\n```\n```toml\na = 1\n```\n```sh not run: no way there\nx\n```\n";
        let found = blocks(page).expect("blocks");
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].line, found[0].text.as_str()), (3, "ls\ncd /\n"));
        assert_eq!(found[0].prints.as_deref(), Some("x\n"));
        assert_eq!(found[1].way, Way::NotRun);
    }

    #[test]
    fn what_is_neither_run_nor_explained_is_named_with_its_line() {
        for page in [
            "```sh not run\nls\n```\n",
            "```sh not run: \nls\n```\n",
            "```\nls\n```\n",
            "```bash\nls\n```\n",
            "```text\nx\n```\n",
            "```sh\nls\n```\nand\n```text\nx\n```\n",
        ] {
            let error = blocks(page).expect_err(page);
            assert!(error.starts_with("line "), "{error}");
        }
    }

    #[test]
    fn an_ellipsis_stands_for_anything() {
        for (text, said) in [
            ("a\nb\n", "a\nb\n"),
            ("a 17 b\n", "a … b\n"),
            ("a\nx\ny\nb\n", "a\n…\nb\n"),
            ("b\n", "…\nb\n"),
            ("aXbXc\n", "a…b…c\n"),
        ] {
            assert!(is_like(text, said), "{text:?} {said:?}");
        }
        for (text, said) in [("a\nb\n", "a\n"), ("a\n", "a\nb\n"), ("ab\n", "a…c\n")] {
            assert!(!is_like(text, said), "{text:?} {said:?}");
        }
    }
}

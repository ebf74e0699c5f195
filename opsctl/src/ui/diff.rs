//! Unified diffs of texts.

use std::fmt::Write as _;

/// The difference between two texts in unified form with three lines of context; empty when there is none.
pub(crate) fn unified(name: &str, old: &str, new: &str) -> String {
    if old == new {
        return String::new();
    }
    let (old, new): (Vec<_>, Vec<_>) = (old.lines().collect(), new.lines().collect());
    let edits = edits(&old, &new);
    let mut out = format!("--- {name} (installed)\n+++ {name} (rendered)\n");
    for hunk in hunks(&edits) {
        write_hunk(&mut out, hunk);
    }
    out
}

/// One line of the way from one text to the other, with its number in both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Edit<'t> {
    kind: Kind,
    text: &'t str,
    old: usize,
    new: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Same,
    Removed,
    Added,
}

/// The way by a longest common subsequence; what is the same at both ends is set aside first, because files mostly are.
fn edits<'t>(old: &[&'t str], new: &[&'t str]) -> Vec<Edit<'t>> {
    let head = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let (old_rest, new_rest) = (&old[head..], &new[head..]);
    let tail = old_rest
        .iter()
        .rev()
        .zip(new_rest.iter().rev())
        .take_while(|(a, b)| a == b)
        .count();
    let (a, b) = (
        &old_rest[..old_rest.len() - tail],
        &new_rest[..new_rest.len() - tail],
    );
    let longest = common_lengths(a, b);
    let mut kinds = vec![Kind::Same; head];
    let (mut i, mut j) = (0, 0);
    while i < a.len() || j < b.len() {
        if i < a.len() && j < b.len() && a[i] == b[j] {
            kinds.push(Kind::Same);
            (i, j) = (i + 1, j + 1);
        } else if j == b.len() || (i < a.len() && longest[i + 1][j] >= longest[i][j + 1]) {
            kinds.push(Kind::Removed);
            i += 1;
        } else {
            kinds.push(Kind::Added);
            j += 1;
        }
    }
    kinds.extend(vec![Kind::Same; tail]);
    let (mut i, mut j) = (0, 0);
    kinds
        .into_iter()
        .map(|kind| {
            let text = if kind == Kind::Added { new[j] } else { old[i] };
            let edit = Edit {
                kind,
                text,
                old: i,
                new: j,
            };
            i += usize::from(kind != Kind::Added);
            j += usize::from(kind != Kind::Removed);
            edit
        })
        .collect()
}

/// `[i][j]`: how many lines `a[i..]` and `b[j..]` have in common, in order.
fn common_lengths(a: &[&str], b: &[&str]) -> Vec<Vec<usize>> {
    let mut lengths = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in (0..a.len()).rev() {
        for j in (0..b.len()).rev() {
            lengths[i][j] = if a[i] == b[j] {
                lengths[i + 1][j + 1] + 1
            } else {
                lengths[i + 1][j].max(lengths[i][j + 1])
            };
        }
    }
    lengths
}

/// The edits in groups: each change with its context, groups that touch made one.
fn hunks<'e, 't>(edits: &'e [Edit<'t>]) -> Vec<&'e [Edit<'t>]> {
    let mut ranges: Vec<(usize, usize)> = Vec::new();
    for (index, _) in edits
        .iter()
        .enumerate()
        .filter(|(_, edit)| edit.kind != Kind::Same)
    {
        let (start, end) = (
            index.saturating_sub(CONTEXT),
            (index + CONTEXT + 1).min(edits.len()),
        );
        match ranges.last_mut() {
            Some(last) if last.1 >= start => last.1 = end,
            _ => ranges.push((start, end)),
        }
    }
    ranges
        .into_iter()
        .map(|(start, end)| &edits[start..end])
        .collect()
}

fn write_hunk(out: &mut String, hunk: &[Edit<'_>]) {
    let count = |without: Kind| hunk.iter().filter(|edit| edit.kind != without).count();
    let (old, new) = (count(Kind::Added), count(Kind::Removed));
    let first = hunk.first().map_or((0, 0), |edit| (edit.old, edit.new));
    // an empty side is named by the line before it
    let start = |line: usize, length: usize| line + usize::from(length > 0);
    let _ = writeln!(
        out,
        "@@ -{},{old} +{},{new} @@",
        start(first.0, old),
        start(first.1, new)
    );
    for edit in hunk {
        let sign = match edit.kind {
            Kind::Same => ' ',
            Kind::Removed => '-',
            Kind::Added => '+',
        };
        let _ = writeln!(out, "{sign}{}", edit.text);
    }
}

const CONTEXT: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_line_has_three_lines_around_it() {
        let old = "1\n2\n3\n4\n5\n6\n7\n8\n9\n";
        let new = old.replace("5\n", "five\n");
        assert_eq!(
            unified("x", old, &new),
            "--- x (installed)\n+++ x (rendered)\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n"
        );
    }

    #[test]
    fn changes_far_apart_have_hunks_of_their_own() {
        let old = (0..40)
            .map(|line| line.to_string())
            .collect::<Vec<_>>()
            .join("\n")
            + "\n";
        let new = old.replace("\n3\n", "\n3\nnew\n").replace("\n30\n", "\n");
        let diff = unified("x", &old, &new);
        assert_eq!(diff.matches("@@ -").count(), 2, "{diff}");
        assert!(
            diff.contains("@@ -2,6 +2,7 @@") && diff.contains("\n-30\n"),
            "{diff}"
        );
    }

    #[test]
    fn a_whole_file_can_come_or_go() {
        assert!(unified("x", "", "a\nb\n").contains("@@ -0,0 +1,2 @@\n+a\n+b\n"));
        assert_eq!(unified("x", "a\n", "a\n"), "");
    }
}

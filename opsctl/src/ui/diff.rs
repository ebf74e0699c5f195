//! Unified diffs of texts.

use similar::TextDiff;

/// The difference between two texts in unified form with three lines of context, below the two names; empty when there is
/// none. Lines that differ in their ends alone differ.
pub(crate) fn unified([old_name, new_name]: [&str; 2], old: &str, new: &str) -> String {
    TextDiff::from_lines(old, new)
        .unified_diff()
        .context_radius(CONTEXT)
        .header(old_name, new_name)
        .to_string()
}

/// As diff -u has it.
const CONTEXT: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 2] = ["x (installed)", "x (rendered)"];

    #[test]
    fn a_changed_line_has_three_lines_around_it() {
        let old = "1\n2\n3\n4\n5\n6\n7\n8\n9\n";
        let new = old.replace("5\n", "five\n");
        assert_eq!(
            unified(NAMES, old, &new),
            "--- x (installed)\n+++ x (rendered)\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n"
        );
    }

    #[test]
    fn changes_far_apart_have_hunks_of_their_own() {
        let lines: Vec<_> = (0..40).map(|line| line.to_string()).collect();
        let old = lines.join("\n") + "\n";
        let new = old.replace("\n3\n", "\n3\nnew\n").replace("\n30\n", "\n");
        let diff = unified(NAMES, &old, &new);
        assert_eq!(diff.matches("@@ -").count(), 2, "{diff}");
        assert!(
            diff.contains("@@ -2,6 +2,7 @@") && diff.contains("\n-30\n"),
            "{diff}"
        );
    }

    #[test]
    fn a_whole_file_can_come_or_go_and_a_lost_last_end_is_shown() {
        assert!(unified(NAMES, "", "a\nb\n").contains("\n+a\n+b\n"));
        assert_eq!(unified(NAMES, "a\n", "a\n"), "");
        assert!(unified(NAMES, "a\n", "a").contains("No newline at end of file"));
    }
}

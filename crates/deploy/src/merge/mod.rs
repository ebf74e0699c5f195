//! Three texts made one: what was rendered before, what is rendered now, and what a hand made of the former.
//!
//! Line by line, as diff3 does it: where only one side left the base its lines stand, where both made the same of it they
//! stand once, and where they made different things of it a person decides. A line that neither side kept next to the
//! other's change is no ground to stand on, so that changes that touch are a conflict too. No line of a hand is lost: it is
//! in the merged text, or in a conflict.

use serde::{Deserialize, Serialize};
use similar::{Algorithm, DiffOp, capture_diff_slices};

/// What came of a merge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Merged {
    /// One text with the changes of both.
    Clean(String),
    /// Both changed the same places, which are these, in their order.
    Conflict(Vec<Clash>),
}

/// One place that both sides changed, each to something else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clash {
    /// The line of the hand's text at which it begins, counted from 1.
    pub line: usize,
    /// The lines of the base.
    pub base: String,
    /// What the rendering made of them.
    pub rendered: String,
    /// What the hand made of them.
    pub hand: String,
}

/// Merges the changes of `rendered` and of `hand`, both made from `base`. A hand's text whose line ends are all CRLF keeps
/// them, in the lines that come from the rendering too: an editor that writes them is no conflict.
pub fn merge(base: &str, rendered: &str, hand: &str) -> Merged {
    if !is_crlf(hand) || base.contains('\r') || rendered.contains('\r') {
        return merge_lines(base, rendered, hand);
    }
    match merge_lines(base, rendered, &hand.replace("\r\n", "\n")) {
        Merged::Clean(text) => Merged::Clean(text.replace('\n', "\r\n")),
        conflict @ Merged::Conflict(_) => conflict,
    }
}

/// Whether every line ends with CRLF.
fn is_crlf(text: &str) -> bool {
    text.contains("\r\n") && !text.replace("\r\n", "").contains('\n')
}

fn merge_lines(base: &str, rendered: &str, hand: &str) -> Merged {
    let base: Vec<&str> = base.split_inclusive('\n').collect();
    let ours: Vec<&str> = rendered.split_inclusive('\n').collect();
    let theirs: Vec<&str> = hand.split_inclusive('\n').collect();
    let (in_ours, in_theirs) = (kept(&base, &ours), kept(&base, &theirs));
    let mut text = String::new();
    let mut clashes = Vec::new();
    let (mut at, mut our, mut their) = (0, 0, 0);
    loop {
        // the next line of the base that both kept; the ends count as one
        let (next, next_our, next_their) = (at..base.len())
            .find_map(|line| Some((line, in_ours[line]?, in_theirs[line]?)))
            .unwrap_or((base.len(), ours.len(), theirs.len()));
        let sides = Sides {
            base: &base[at..next],
            ours: &ours[our..next_our],
            theirs: &theirs[their..next_their],
        };
        match sides.settle() {
            Some(lines) => text.extend(lines.iter().copied()),
            None => clashes.push(sides.clash(their + 1)),
        }
        if next == base.len() {
            break;
        }
        text.push_str(base[next]);
        (at, our, their) = (next + 1, next_our + 1, next_their + 1);
    }
    if clashes.is_empty() {
        Merged::Clean(text)
    } else {
        Merged::Conflict(clashes)
    }
}

/// The lines between two that both sides kept.
struct Sides<'s, 't> {
    base: &'s [&'t str],
    ours: &'s [&'t str],
    theirs: &'s [&'t str],
}

impl<'s, 't> Sides<'s, 't> {
    fn settle(&self) -> Option<&'s [&'t str]> {
        if self.theirs == self.base {
            return Some(self.ours);
        }
        (self.ours == self.base || self.ours == self.theirs).then_some(self.theirs)
    }

    fn clash(&self, line: usize) -> Clash {
        Clash {
            line,
            base: self.base.concat(),
            rendered: self.ours.concat(),
            hand: self.theirs.concat(),
        }
    }
}

/// For each line of `base` the line of `other` that it became, where it was kept. Ascending.
fn kept(base: &[&str], other: &[&str]) -> Vec<Option<usize>> {
    let mut kept = vec![None; base.len()];
    for op in capture_diff_slices(Algorithm::Myers, base, other) {
        if let DiffOp::Equal {
            old_index,
            new_index,
            len,
        } = op
        {
            for line in 0..len {
                kept[old_index + line] = Some(new_index + line);
            }
        }
    }
    kept
}

#[cfg(test)]
mod tests;

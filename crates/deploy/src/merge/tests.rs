use proptest::prelude::*;

use super::*;

fn clean(base: &str, rendered: &str, hand: &str) -> String {
    match merge(base, rendered, hand) {
        Merged::Clean(text) => text,
        Merged::Conflict(clashes) => panic!("{clashes:#?}"),
    }
}

#[test]
fn changes_far_apart_are_both_in() {
    let base = "a\nb\nc\nd\ne\n";
    assert_eq!(
        clean(base, "A\nb\nc\nd\ne\n", "a\nb\nc\nd\ne\nhand\n"),
        "A\nb\nc\nd\ne\nhand\n"
    );
}

#[test]
fn the_same_change_is_in_once() {
    assert_eq!(clean("a\nb\n", "a\nx\nb\n", "a\nx\nb\n"), "a\nx\nb\n");
}

#[test]
fn different_changes_of_a_line_clash_where_they_are() {
    let Merged::Conflict(clashes) = merge("a\nb\nc\n", "a\nnew\nc\n", "0\na\nhand\nc\n") else {
        panic!("both changed `b`");
    };
    let clash = Clash {
        line: 3,
        base: "b\n".into(),
        rendered: "new\n".into(),
        hand: "hand\n".into(),
    };
    assert_eq!(clashes, [clash]);
}

#[test]
fn changes_that_touch_clash() {
    assert!(matches!(
        merge("a\nb\n", "A\nb\n", "a\nB\n"),
        Merged::Conflict(_)
    ));
    assert!(matches!(
        merge("a\n", "a\nours\n", "a\nhand\n"),
        Merged::Conflict(_)
    ));
    assert!(matches!(
        merge("a\nb\n", "b\n", "a, by hand\nb\n"),
        Merged::Conflict(_)
    ));
}

#[test]
fn certbots_lines_stay_while_the_rendering_moves_on() {
    let base = "server {\n    listen 443 ssl;\n    server_name a;\n    ssl_certificate /c;\n\n    gzip off;\n}\n";
    let hand = base.replace(
        "    ssl_certificate /c;",
        "    ssl_certificate /etc/letsencrypt/live/a/fullchain.pem; # managed by Certbot",
    );
    let rendered = base.replace("gzip off", "gzip on");
    let merged = clean(base, &rendered, &hand);
    assert!(merged.contains("managed by Certbot") && merged.contains("gzip on"));
}

#[test]
fn a_last_line_without_an_end_is_a_line() {
    assert_eq!(clean("a\nb\nc\n", "A\nb\nc\n", "a\nb\nc"), "A\nb\nc");
    assert!(matches!(merge("a\n", "a\nb\n", "a"), Merged::Conflict(_)));
}

#[test]
fn an_editor_that_writes_crlf_is_no_conflict() {
    let merged = clean("a\nb\nc\n", "A\nb\nc\n", "a\r\nb\r\nhand\r\nc\r\n");
    assert_eq!(merged, "A\r\nb\r\nhand\r\nc\r\n");
}

/// Texts of a few kinds of lines, so that they have much in common.
fn lines() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        Just("}\n"),
        Just("a;\n"),
        Just("b;\n"),
        Just("c;\n"),
        Just("\n"),
        Just("d;\r\n")
    ];
    (prop::collection::vec(line, 0..12), any::<bool>()).prop_map(|(lines, whole)| {
        let text = lines.concat();
        if whole {
            text
        } else {
            text.trim_end().to_owned()
        }
    })
}

/// How often each line that `hand` has and `base` has not, or not as often, stands in a text.
fn added<'t>(base: &str, hand: &'t str) -> Vec<(&'t str, usize)> {
    let count = |text: &str, line: &str| text.lines().filter(|other| *other == line).count();
    let mut lines: Vec<_> = hand.lines().collect();
    lines.sort_unstable();
    lines.dedup();
    lines
        .into_iter()
        .map(|line| (line, count(hand, line).saturating_sub(count(base, line))))
        .filter(|(_, more)| *more > 0)
        .collect()
}

proptest! {
    #[test]
    fn one_side_alone_is_taken_as_it_is(base in lines(), other in lines()) {
        prop_assert_eq!(merge(&base, &other, &base), Merged::Clean(other.clone()));
        prop_assert_eq!(merge(&base, &base, &other), Merged::Clean(other.clone()));
        prop_assert_eq!(merge(&base, &other, &other), Merged::Clean(other.clone()));
    }

    #[test]
    fn no_line_that_a_hand_added_is_lost(base in lines(), rendered in lines(), hand in lines()) {
        let text = match merge(&base, &rendered, &hand) {
            Merged::Clean(text) => text,
            Merged::Conflict(_) => return Ok(()),
        };
        // what the rendering took away of its own cannot stand for what the hand added
        let without: Vec<_> = text.lines().collect();
        for (line, more) in added(&base, &hand) {
            let there = without.iter().filter(|other| **other == line).count();
            prop_assert!(there >= more, "{line:?} of {hand:?} in {text:?}");
        }
    }

    #[test]
    fn which_side_is_which_decides_nothing(base in lines(), one in lines(), two in lines()) {
        let (there, back) = (merge_lines(&base, &one, &two), merge_lines(&base, &two, &one));
        match (there, back) {
            (Merged::Clean(there), Merged::Clean(back)) => prop_assert_eq!(there, back),
            (Merged::Conflict(there), Merged::Conflict(back)) => prop_assert_eq!(there.len(), back.len()),
            other => prop_assert!(false, "{other:?}"),
        }
    }
}

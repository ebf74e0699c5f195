//! The reader over a document, as the spec and the origin's TOML use it.

use std::cell::RefCell;
use std::time::Duration;

use findings::{Document, Reader, Report};

fn report_of(text: &str, read: impl FnOnce(&Reader<'_>)) -> Report {
    let mut report = Report::new();
    let document = Document::parse(text, "x.toml", &mut report);
    let report = RefCell::new(report);
    let reader = Reader::new(document.root(), &report);
    read(&reader);
    reader.finish();
    report.into_inner()
}

#[test]
fn an_unknown_key_is_named_with_its_line_and_its_nearest() {
    let report = report_of("name = \"x\"\nlisen = 1\n", |reader| {
        reader.string("name");
        reader.strings("listen");
    });
    let finding = &report.findings()[0];
    assert_eq!(
        (finding.path.as_deref(), finding.line),
        (Some("lisen"), Some(2))
    );
    assert_eq!(finding.hint.as_deref(), Some("did you mean `listen`?"));
}

#[test]
fn all_faults_are_found_in_one_reading() {
    let report = report_of(
        "a = 1\nb = \"x\"\nc = [1]\nd = 75\ne = 70000\nf = 1\n",
        |reader| {
            assert!(reader.string("a").is_none());
            assert!(reader.boolean("b").is_none());
            assert!(reader.strings("c").is_some_and(|items| items.is_empty()));
            assert!(reader.duration("d").is_none());
            assert!(reader.integer("e", 1..=65535).is_none());
        },
    );
    assert_eq!(report.findings().len(), 6, "{report}");
    assert!(
        report
            .findings()
            .iter()
            .all(|finding| finding.line.is_some())
    );
    assert_eq!(
        report.findings()[3].hint.as_deref(),
        Some("write `d = \"75s\"`")
    );
}

#[test]
fn tables_of_an_array_have_their_index_in_the_path() {
    let report = report_of(
        "[[servers]]\nname = \"a\"\n[[servers]]\nnme = \"b\"\n",
        |reader| {
            for server in reader.tables("servers") {
                server.string("name");
                server.finish();
            }
        },
    );
    assert_eq!(report.findings()[0].path.as_deref(), Some("servers[1].nme"));
    assert_eq!(report.findings()[0].line, Some(4));
}

#[test]
fn hypercorn_seconds_are_read_where_they_are_allowed() {
    let report = report_of("a = 5\nb = 0.5\nc = \"7s\"\nd = -1\n", |reader| {
        let read = |key| reader.duration_or_seconds(key).map(|located| located.value);
        assert_eq!(read("a"), Some(Duration::from_secs(5)));
        assert_eq!(read("b"), Some(Duration::from_millis(500)));
        assert_eq!(read("c"), Some(Duration::from_secs(7)));
        assert_eq!(read("d"), None);
    });
    assert_eq!(report.findings().len(), 1, "{report}");
}

#[test]
fn a_control_character_never_reaches_the_terminal_raw() {
    let report = report_of("a = \"x\\u001b[2Jy\"\n\"b\\u001b\" = 1\n", |reader| {
        reader.word::<u16>("a", "value.port");
    });
    assert!(!report.to_string().contains('\u{1b}'), "{report:?}");
    assert_eq!(report.findings().len(), 2);
}

use super::outbox::Next;
use super::*;
use crate::catalog::Source;
use crate::jsonrpc::{Message, read};
use crate::offers::{Kind, Offers};
use crate::tool::Naming;

fn session() -> Session<&'static str> {
    Session::new(Arc::new(Greeting {
        revision: Revision::V2025_11_25,
        capabilities: "{}".into(),
        client_info: "{}".into(),
    }))
}

fn id(json: &str) -> Id {
    let text = format!(r#"{{"jsonrpc":"2.0","id":{json},"method":"m"}}"#);
    let Ok(Message::Request(request)) = read(&text) else {
        panic!("{json}")
    };
    request.id
}

/// All that a new reader of a stream finds.
fn texts(session: &mut Session<&'static str>, lane: u64, after: Option<u64>) -> Vec<String> {
    let mut reader = session.outbox.read(lane, after).expect("a stream");
    let mut texts = Vec::new();
    while let Next::Message(_, text) = session.outbox.next(&mut reader) {
        texts.push(text.into_string());
    }
    session.outbox.leave(&reader);
    texts
}

fn server() -> Arc<str> {
    "s".into()
}

#[test]
fn an_answer_alone_is_whole_and_leaves_nothing() {
    let mut session = session();
    let lane = session.outbox.open(1);
    assert_eq!(session.outbox.whole(lane), None);
    session.outbox.push(lane, "a".into(), true);
    assert_eq!(session.outbox.whole(lane), Some(vec!["a".into()]));
    assert_eq!(session.outbox.bytes(), 0);
    assert!(session.outbox.read(lane, None).is_none());
}

#[test]
fn an_answer_with_a_remark_before_it_is_a_stream() {
    let mut session = session();
    let lane = session.outbox.open(1);
    session.note(lane, "x", None);
    session.outbox.push(lane, "a".into(), true);
    assert!(session.outbox.has_remarks(lane));
    assert_eq!(session.outbox.whole(lane), None);
    let note = r#"{"jsonrpc":"2.0","method":"x"}"#;
    assert_eq!(texts(&mut session, lane, None), [note, "a"]);
}

#[test]
fn a_broken_stream_is_taken_up_where_it_broke_and_no_other_is_mixed_in() {
    let mut session = session();
    let (one, other) = (session.outbox.open(1), session.outbox.open(1));
    let mut reader = session.outbox.read(one, None).expect("a stream");
    for text in ["1", "2", "3"] {
        session.outbox.push(one, text.into(), false);
        session.outbox.push(other, "no".into(), false);
    }
    assert_eq!(
        session.outbox.next(&mut reader),
        Next::Message(1, "1".into())
    );
    session.outbox.leave(&reader);
    session.outbox.push(one, "4".into(), true);
    assert_eq!(texts(&mut session, one, Some(1)), ["2", "3", "4"]);
    assert_eq!(texts(&mut session, one, Some(1)), ["2", "3", "4"]);
    assert!(session.outbox.read(one, Some(5)).is_none());
    assert!(session.outbox.read(77, Some(0)).is_none());
}

#[test]
fn a_second_reader_ends_the_first() {
    let mut session = session();
    let mut first = session.outbox.read(STANDING, None).expect("it is there");
    assert_eq!(session.outbox.next(&mut first), Next::Wait);
    let mut second = session.outbox.read(STANDING, None).expect("it is there");
    assert_eq!(session.outbox.next(&mut first), Next::End);
    session.outbox.leave(&first);
    session.outbox.tell("x".into());
    assert_eq!(
        session.outbox.next(&mut second),
        Next::Message(1, "x".into())
    );
}

#[test]
fn what_is_told_to_nobody_is_not_kept_but_a_question_is() {
    let mut session = session();
    session.outbox.tell("lost".into());
    session.ask(&server(), id("7"), "roots/list", Some(r#"{"a":1.0}"#));
    let asked = r#"{"jsonrpc":"2.0","id":1,"method":"roots/list","params":{"a":1.0}}"#;
    assert_eq!(texts(&mut session, STANDING, None), [asked]);
}

#[test]
fn a_question_goes_with_the_request_that_somebody_waits_for() {
    let mut session = session();
    let (away, here) = (session.outbox.open(1), session.outbox.open(1));
    let reader = session.outbox.read(away, None).expect("a stream");
    session.begin(&id("1"), &server(), here, "").expect("new");
    session.begin(&id("2"), &server(), away, "").expect("new");
    session.outbox.leave(&reader);
    session.ask(&server(), id("\"q\""), "m", None);
    assert_eq!(texts(&mut session, here, None).len(), 1);
    assert!(texts(&mut session, away, None).is_empty());
}

#[test]
fn an_answer_finds_the_server_that_asked_and_finds_it_once() {
    let mut session = session();
    session.ask(&server(), id("\"q\""), "m", None);
    let answered = Answered::Server(server(), id("\"q\""));
    assert_eq!(session.answered(Some(&id("1"))), answered);
    assert_eq!(session.answered(Some(&id("1"))), Answered::Nobody);
    for never in ["2", "0", "\"1\"", "-1"] {
        assert_eq!(
            session.answered(Some(&id(never))),
            Answered::Unknown,
            "{never}"
        );
    }
    assert_eq!(session.answered(None), Answered::Unknown);
}

#[test]
fn a_question_that_is_taken_back_is_so_under_the_clients_id() {
    let mut session = session();
    session.ask(&server(), id("\"q\""), "m", None);
    session.notice(
        &server(),
        method::CANCELLED,
        Some(r#"{"requestId":"q", "reason":"r"}"#),
    );
    let texts = texts(&mut session, STANDING, None);
    assert!(
        texts[1].contains(r#"{"requestId":1, "reason":"r"}"#),
        "{texts:?}"
    );
    assert_eq!(session.answered(Some(&id("1"))), Answered::Nobody);
}

#[test]
fn a_cancelled_request_gives_its_handle_back_and_its_stream_ends() {
    let mut session = session();
    let lane = session.outbox.open(1);
    session
        .begin(&id("\"a\""), &server(), lane, "handle")
        .expect("new");
    assert!(session.begin(&id("\"a\""), &server(), lane, "").is_err());
    assert_eq!(session.cancel(r#"{"requestId":"b"}"#), None);
    assert_eq!(session.cancel(r#"{"requestId":"a"}"#), Some("handle"));
    assert!(!session.finish(&id("\"a\"")));
    assert_eq!(session.outbox.whole(lane), Some(Vec::new()));
}

#[test]
fn memory_is_given_back_but_not_what_a_reader_still_has_to_get() {
    let mut session = session();
    let (read, left) = (session.outbox.open(1), session.outbox.open(1));
    let mut reader = session.outbox.read(read, None).expect("a stream");
    let gone = session.outbox.read(left, None).expect("a stream");
    session.outbox.leave(&gone);
    for lane in [read, left] {
        session.outbox.push(lane, "aaaa".into(), false);
        session.outbox.push(lane, "bb".into(), false);
    }
    session.outbox.next(&mut reader);
    assert_eq!(session.outbox.forget(), 10);
    assert_eq!(session.outbox.bytes(), 2);
    assert_eq!(
        session.outbox.next(&mut reader),
        Next::Message(2, "bb".into())
    );
    assert!(session.outbox.read(left, Some(0)).is_none());
}

#[test]
fn only_a_few_finished_streams_are_kept() {
    let mut session = session();
    for _ in 0..100 {
        let lane = session.outbox.open(1);
        let reader = session.outbox.read(lane, None).expect("a stream");
        session.outbox.push(lane, "x".into(), true);
        session.outbox.leave(&reader);
    }
    assert_eq!(session.outbox.bytes(), 8);
}

#[test]
fn changes_are_told_by_list_and_updates_to_who_watches() {
    let mut session = session();
    let mut reader = session.outbox.read(STANDING, None).expect("it is there");
    let tools = Offers::default().with(Kind::Tools, vec![r#"{"name":"a"}"#.into()]);
    let source = Source {
        server: "s",
        offers: &tools,
        private: false,
    };
    let new = Catalog::build(Naming::Plain, &[source]);
    session.changed(&Catalog::default(), &new);
    session.changed(&new, &new);
    session.updated(r#"{"uri":"u"}"#);
    session.watch("u", true);
    session.updated(r#"{"uri":"u"}"#);
    let mut methods = Vec::new();
    while let Next::Message(_, text) = session.outbox.next(&mut reader) {
        methods.push(text.into_string());
    }
    assert_eq!(methods.len(), 2, "{methods:?}");
    assert!(methods[0].contains("notifications/tools/list_changed"));
    assert!(methods[1].contains(r#""params":{"uri":"u"}"#));
}

#[test]
fn one_revision_has_batches() {
    let mut session = session();
    assert!(session.may_batch().is_err());
    Arc::make_mut(&mut session.greeting).revision = Revision::V2025_03_26;
    assert!(session.may_batch().is_ok());
}

#[test]
fn a_session_has_so_many_requests_in_flight_and_no_more() {
    let mut session = session();
    for number in 0..100 {
        let begun = session.begin(&id(&number.to_string()), &server(), 1, "");
        assert!(begun.is_ok());
    }
    assert!(session.begin(&id("100"), &server(), 1, "").is_err());
    assert!(session.finish(&id("7")));
    assert!(session.begin(&id("100"), &server(), 1, "").is_ok());
}

#[test]
fn a_client_that_left_before_it_heard_of_its_stream_leaves_nothing() {
    let mut session = session();
    let lane = session.outbox.open(1);
    session.outbox.push(lane, "early".into(), false);
    session.outbox.abandon(lane);
    session.outbox.push(lane, "late".into(), true);
    assert_eq!(session.outbox.bytes(), 0);
    let known = session.outbox.open(1);
    let reader = session.outbox.read(known, None).expect("a stream");
    session.outbox.leave(&reader);
    session.outbox.abandon(known);
    session.outbox.push(known, "kept".into(), true);
    assert_eq!(texts(&mut session, known, None), ["kept"]);
}

#[test]
fn a_long_stream_keeps_the_last_of_what_its_reader_has_had() {
    let mut session = session();
    let mut reader = session.outbox.read(STANDING, None).expect("it is there");
    for _ in 0..64 {
        session.outbox.tell("x".repeat(100_000));
        let next = session.outbox.next(&mut reader);
        assert!(matches!(next, Next::Message(..)));
    }
    assert!(session.outbox.bytes() <= 1 << 20);
    assert!(session.outbox.read(STANDING, Some(1)).is_none());
    assert!(session.outbox.read(STANDING, Some(60)).is_some());
}

#[test]
fn a_reader_that_never_takes_anything_loses_its_stream_and_not_the_memory() {
    let mut session = session();
    let mut reader = session.outbox.read(STANDING, None).expect("it is there");
    for _ in 0..400 {
        session.outbox.tell("x".repeat(100_000));
    }
    assert!(session.outbox.bytes() <= 32 << 20);
    assert_eq!(session.outbox.next(&mut reader), Next::End);
}

#[test]
fn looking_is_no_change() {
    let mut session = session();
    let lane = session.outbox.open(1);
    let before = session.outbox.changes();
    session.outbox.whole(lane);
    session.outbox.has_remarks(lane);
    assert_eq!(session.outbox.changes(), before);
    session.outbox.push(lane, "a".into(), true);
    assert_ne!(session.outbox.changes(), before);
}

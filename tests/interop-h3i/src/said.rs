//! A case in the words of h3i, and what it heard.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use h3i::actions::h3::{
    Action, ExpectedStreamSendResult, StreamEvent, StreamEventType, WaitType,
    send_headers_frame_literal,
};
use h3i::client::sync_client;
use h3i::config::Config;
use h3i::frame::H3iFrame;
use h3i::quiche::ConnectionError;
use h3i::quiche::h3::Header;
use h3i::quiche::h3::frame::Frame;

use super::cases::{Case, Cost, Part, Stream};
use super::wire;

/// How the origin ended what was begun.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Outcome {
    /// With an answer of this status.
    Answer(u16),
    /// The stream was reset with this code.
    Reset(u64),
    /// The connection was closed with this code.
    Closed(u64),
    /// Neither in time.
    Nothing,
    /// h3i itself gave up.
    Unsaid(String),
}

/// Says a case on a connection of its own.
pub(crate) fn say(port: u16, case: &Case) -> Outcome {
    let mut actions = Vec::new();
    match case.stream {
        Stream::Request => write(&mut actions, REQUEST, &case.parts, true),
        Stream::Uni(kind) => uni(&mut actions, 2, kind, &case.parts, false),
        Stream::UniThatEnds(kind) => uni(&mut actions, 2, kind, &case.parts, true),
        Stream::TwoUni(kind) => {
            uni(&mut actions, 2, kind, &case.parts, false);
            uni(&mut actions, 6, kind, &case.parts, false);
        }
    }
    actions.push(match case.cost {
        Cost::Stream(_) => finished(),
        // the stream may end before the connection does
        Cost::Connection(_) => WaitType::WaitDuration(PATIENCE).into(),
    });
    heard(port, actions)
}

/// Asks for something that every origin has.
pub(crate) fn sound(port: u16) -> Outcome {
    let head = Part::Headers(wire::sound("GET", "/healthz").to_vec());
    let mut actions = Vec::new();
    write(&mut actions, REQUEST, &[head], true);
    actions.push(finished());
    heard(port, actions)
}

fn finished() -> Action {
    let event = StreamEvent {
        stream_id: REQUEST,
        event_type: StreamEventType::Finished,
    };
    WaitType::StreamEvent(event).into()
}

/// Parts as frames of h3i's own, and bytes where there is no frame.
fn write(actions: &mut Vec<Action>, stream_id: u64, parts: &[Part], ends: bool) {
    for part in parts {
        let frame = match part {
            Part::Headers(fields) => {
                let fields = fields.iter();
                let fields =
                    fields.map(|(name, value)| Header::new(name.as_bytes(), value.as_bytes()));
                actions.push(send_headers_frame_literal(
                    stream_id,
                    false,
                    fields.collect(),
                ));
                continue;
            }
            Part::Data(text) => Frame::Data {
                payload: text.as_bytes().to_vec(),
            },
            Part::Frame(kind, payload) => Frame::Unknown {
                raw_type: *kind,
                payload: payload.clone(),
            },
            Part::Bytes(bytes) => {
                actions.push(bytes_of(stream_id, bytes.clone(), false));
                continue;
            }
        };
        actions.push(Action::SendFrame {
            stream_id,
            fin_stream: false,
            frame,
            expected_result: ExpectedStreamSendResult::Ok,
        });
    }
    if ends {
        actions.push(bytes_of(stream_id, Vec::new(), true));
    }
}

fn uni(actions: &mut Vec<Action>, stream_id: u64, kind: u64, parts: &[Part], ends: bool) {
    actions.push(Action::OpenUniStream {
        stream_id,
        fin_stream: false,
        stream_type: kind,
        expected_result: ExpectedStreamSendResult::Ok,
    });
    write(actions, stream_id, parts, ends);
}

fn bytes_of(stream_id: u64, bytes: Vec<u8>, fin_stream: bool) -> Action {
    Action::StreamBytes {
        stream_id,
        fin_stream,
        bytes,
        expected_result: ExpectedStreamSendResult::Ok,
    }
}

/// Does it all, says goodbye, and gives the end.
fn heard(port: u16, mut actions: Vec<Action>) -> Outcome {
    actions.push(Action::ConnectionClose {
        error: ConnectionError {
            is_app: true,
            error_code: NO_ERROR,
            reason: Vec::new(),
        },
    });
    let config = Config::new()
        .with_host_port(format!("origin.test:{port}"))
        .with_connect_to(format!("127.0.0.1:{port}"))
        .verify_peer(false)
        .with_idle_timeout(IDLE)
        .build();
    let Ok(config) = config else {
        return Outcome::Unsaid("no configuration".to_owned());
    };
    // it unwraps what it did not expect
    let heard = catch_unwind(AssertUnwindSafe(|| {
        sync_client::connect(config, actions, None)
    }));
    let summary = match heard {
        Ok(Ok(summary)) => summary,
        Ok(Err(error)) => return Outcome::Unsaid(format!("{error:?}")),
        Err(_) => return Outcome::Unsaid("a panic".to_owned()),
    };
    if let Some(error) = summary.conn_close_details.peer_error() {
        return Outcome::Closed(error.error_code);
    }
    for frame in summary.stream_map.stream(REQUEST) {
        match frame {
            H3iFrame::ResetStream(reset) => return Outcome::Reset(reset.error_code),
            H3iFrame::Headers(head) => {
                let status = head.status_code();
                let status = status.and_then(|bytes| std::str::from_utf8(bytes).ok()?.parse().ok());
                return Outcome::Answer(status.unwrap_or_default());
            }
            H3iFrame::QuicheH3(_) => {}
        }
    }
    Outcome::Nothing
}

/// The first stream of a client that has two directions (RFC 9000 section 2.1); those of one are 2, 6 and so on.
const REQUEST: u64 = 0;
/// H3_NO_ERROR (RFC 9114 section 8.1).
const NO_ERROR: u64 = 0x100;
/// How long a connection may go on after what must end it.
const PATIENCE: Duration = Duration::from_secs(5);
/// Milliseconds without a word.
const IDLE: u64 = 10_000;

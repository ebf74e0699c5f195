//! What RFC 9114 and RFC 9204 forbid, each with the code that they ask for. As values, so that clients that write in other ways
//! can say the same.

use super::wire::{frame, headers, sound, varint};

const STREAM_CREATION_ERROR: u64 = 0x103;
const CLOSED_CRITICAL_STREAM: u64 = 0x104;
const FRAME_UNEXPECTED: u64 = 0x105;
const FRAME_ERROR: u64 = 0x106;
const EXCESSIVE_LOAD: u64 = 0x107;
const ID_ERROR: u64 = 0x108;
const SETTINGS_ERROR: u64 = 0x109;
const MISSING_SETTINGS: u64 = 0x10a;
const REQUEST_INCOMPLETE: u64 = 0x10d;
const MESSAGE_ERROR: u64 = 0x10e;
const DECOMPRESSION_FAILED: u64 = 0x200;
const ENCODER_STREAM_ERROR: u64 = 0x201;
const DECODER_STREAM_ERROR: u64 = 0x202;

type Field = (&'static str, &'static str);

/// One thing that a client must not do.
pub(crate) struct Case {
    pub(crate) what: &'static str,
    pub(crate) stream: Stream,
    pub(crate) parts: Vec<Part>,
    pub(crate) cost: Cost,
}

/// What is written to a stream.
#[derive(Clone)]
pub(crate) enum Part {
    /// HEADERS.
    Headers(Vec<Field>),
    /// DATA.
    Data(&'static str),
    /// A frame of this type.
    Frame(u64, Vec<u8>),
    /// What is no whole frame.
    Bytes(Vec<u8>),
}

/// Where it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stream {
    /// A request's, which ends.
    Request,
    /// One of this type, which goes on.
    Uni(u64),
    /// One of this type, which ends.
    UniThatEnds(u64),
    /// Two of this type with the same on them.
    TwoUni(u64),
}

/// How the server has to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cost {
    /// It resets the stream.
    Stream(u64),
    /// It closes the connection.
    Connection(u64),
}

impl Part {
    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Headers(fields) => headers(fields),
            Self::Data(text) => frame(0, text.as_bytes()),
            Self::Frame(kind, payload) => frame(*kind, payload),
            Self::Bytes(bytes) => bytes.clone(),
        }
    }
}

impl Case {
    /// All of what is written, behind the type of the stream where it has one.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = match self.stream {
            Stream::Request => Vec::new(),
            Stream::Uni(kind) | Stream::UniThatEnds(kind) | Stream::TwoUni(kind) => varint(kind),
        };
        bytes.extend(self.parts.iter().flat_map(Part::bytes));
        bytes
    }
}

const METHOD: Field = (":method", "GET");
const SCHEME: Field = (":scheme", "https");
const AUTHORITY: Field = (":authority", "origin.test");
const PATH: Field = (":path", "/healthz");

/// A sound GET with more fields.
fn more(more: &[Field]) -> Part {
    Part::Headers([&sound("GET", "/healthz")[..], more].concat())
}

fn heads() -> Vec<(&'static str, Part)> {
    let only = |fields: &[Field]| Part::Headers(fields.to_vec());
    let one = |name, value| more(&[(name, value)]);
    vec![
        ("two :method", more(&[METHOD])),
        ("two :scheme", more(&[SCHEME])),
        ("two :authority", more(&[AUTHORITY])),
        ("two :path", more(&[PATH])),
        (":status", one(":status", "200")),
        (":protocol", one(":protocol", "websocket")),
        ("an unknown one", one(":x", "1")),
        (
            "one behind a field",
            only(&[METHOD, SCHEME, AUTHORITY, ("a", "b"), PATH]),
        ),
        ("no :method", only(&[SCHEME, AUTHORITY, PATH])),
        ("no :scheme", only(&[METHOD, AUTHORITY, PATH])),
        ("no :path", only(&[METHOD, SCHEME, AUTHORITY])),
        ("no host", only(&[METHOD, SCHEME, PATH])),
        (
            "an empty :path",
            only(&[METHOD, SCHEME, AUTHORITY, (":path", "")]),
        ),
        (
            "a :path without a slash",
            only(&[METHOD, SCHEME, AUTHORITY, (":path", "x")]),
        ),
        (
            "a fragment",
            only(&[METHOD, SCHEME, AUTHORITY, (":path", "/#x")]),
        ),
        (
            "an empty :authority",
            only(&[METHOD, SCHEME, PATH, (":authority", "")]),
        ),
        (
            "userinfo",
            only(&[METHOD, SCHEME, PATH, (":authority", "a@origin.test")]),
        ),
        ("another host", one("host", "other.test")),
        ("an empty host", only(&[METHOD, SCHEME, PATH, ("host", "")])),
        (
            "a method that is none",
            only(&[(":method", "G T"), SCHEME, AUTHORITY, PATH]),
        ),
        (
            "CONNECT with a path",
            only(&[(":method", "CONNECT"), AUTHORITY, PATH]),
        ),
        ("a name in capitals", one("X-Capital", "1")),
        ("a name with a space", one("a b", "1")),
        ("an empty name", one("", "1")),
        ("a value with a line break", one("a", "b\r\nc: d")),
        ("a value with NUL", one("a", "\0")),
        ("connection", one("connection", "close")),
        ("keep-alive", one("keep-alive", "timeout=5")),
        ("proxy-connection", one("proxy-connection", "close")),
        ("transfer-encoding", one("transfer-encoding", "chunked")),
        ("upgrade", one("upgrade", "websocket")),
        ("te", one("te", "gzip")),
        (
            "GET with nothing of what it says",
            one("content-length", "5"),
        ),
        (
            "two lengths",
            more(&[("content-length", "1"), ("content-length", "2")]),
        ),
    ]
}

fn bodies() -> Vec<(&'static str, Vec<Part>)> {
    let length = |method, length, body| {
        let more = [
            ("content-length", length),
            ("content-type", "application/json"),
        ];
        let fields = [&sound(method, "/call-tool")[..], &more].concat();
        vec![Part::Headers(fields), Part::Data(body)]
    };
    let mut trailers = length("POST", "2", "{}");
    trailers.push(Part::Headers(vec![(":path", "/")]));
    vec![
        ("GET with less than it says", length("GET", "5", "ab")),
        ("GET with more than it says", length("GET", "1", "ab")),
        ("POST with less than it says", length("POST", "5", "{}")),
        ("POST with more than it says", length("POST", "1", "{}")),
        ("a length that is none", length("POST", "-2", "{}")),
        ("a pseudo-header field in trailers", trailers),
    ]
}

/// Messages that are malformed, which cost their own stream.
pub(crate) fn messages() -> Vec<Case> {
    let heads = heads().into_iter().map(|(what, head)| (what, vec![head]));
    let mut cases: Vec<Case> = heads
        .chain(bodies())
        .map(|(what, parts)| Case {
            what,
            stream: Stream::Request,
            parts,
            cost: Cost::Stream(MESSAGE_ERROR),
        })
        .collect();
    cases.push(Case {
        what: "no request",
        stream: Stream::Request,
        parts: Vec::new(),
        cost: Cost::Stream(REQUEST_INCOMPLETE),
    });
    cases
}

/// Frames on a request's stream that cost the connection.
pub(crate) fn frames() -> Vec<Case> {
    let unexpected = unexpected().into_iter();
    let unexpected = unexpected.map(|(what, parts)| (what, parts, FRAME_UNEXPECTED));
    let unreadable = unreadable().into_iter();
    let unreadable = unreadable
        .map(|(what, section)| (what, vec![Part::Frame(1, section)], DECOMPRESSION_FAILED));
    let cut_off = cut_off().into_iter();
    let cut_off = cut_off.map(|(what, parts)| (what, parts, FRAME_ERROR));
    let all = unexpected.chain(unreadable).chain(cut_off);
    all.map(|(what, parts, code)| Case {
        what,
        stream: Stream::Request,
        parts,
        cost: Cost::Connection(code),
    })
    .collect()
}

fn unexpected() -> Vec<(&'static str, Vec<Part>)> {
    let behind = |kind, payload: &[u8]| vec![more(&[]), Part::Frame(kind, payload.to_vec())];
    let trailers = || Part::Headers(vec![("a", "b")]);
    let whole = |last| vec![more(&[]), Part::Data("x"), trailers(), last];
    vec![
        ("DATA first", vec![Part::Data("x")]),
        ("DATA behind trailers", whole(Part::Data("x"))),
        ("a third HEADERS", whole(trailers())),
        ("CANCEL_PUSH", behind(3, &[0])),
        ("SETTINGS", behind(4, &[])),
        ("PUSH_PROMISE", behind(5, &[0, 0, 0])),
        ("GOAWAY", behind(7, &[0])),
        ("MAX_PUSH_ID", behind(13, &[0])),
        ("PRIORITY of HTTP/2", vec![Part::Frame(2, vec![0])]),
        ("PING of HTTP/2", vec![Part::Frame(6, vec![0])]),
    ]
}

/// Field sections (RFC 9204 section 4.5).
fn unreadable() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("a table that is not there", vec![2, 0, 0x80]),
        ("a base below nothing", vec![0, 0x81, 0xd1]),
        ("an entry of no table", vec![0, 0, 0x80]),
        ("a name of no table", vec![0, 0, 0x40, 0]),
        ("an entry behind the base", vec![0, 0, 0x10]),
        ("an index that is too large", vec![0, 0, 0xff, 0x24]),
        ("a text that is cut off", vec![0, 0, 0x23, b'a']),
        ("a code that is none", vec![0, 0, 0x29, 0, 0]),
        ("no section", Vec::new()),
    ]
}

fn cut_off() -> Vec<(&'static str, Vec<Part>)> {
    let mut head = more(&[]).bytes();
    head.pop();
    vec![
        ("a frame that is cut off", vec![Part::Bytes(head)]),
        (
            "a head that is cut off",
            vec![more(&[]), Part::Bytes(vec![0x80])],
        ),
    ]
}

/// What is forbidden on the streams of one direction; it costs the connection.
pub(crate) fn streams() -> Vec<Case> {
    let control = control().into_iter();
    let control = control.map(|(what, parts, code)| (what, 0, parts, code));
    let instruction = |what, kind, bytes: &[u8]| {
        let code = [ENCODER_STREAM_ERROR, DECODER_STREAM_ERROR][usize::from(kind == 3)];
        (what, kind, vec![Part::Bytes(bytes.to_vec())], code)
    };
    let others = [
        (
            "a push stream",
            1,
            vec![Part::Bytes(vec![0])],
            STREAM_CREATION_ERROR,
        ),
        instruction("a capacity over the limit", 2, &[0x3f, 0x09]),
        instruction("an insertion", 2, &[0xc0, 0]),
        instruction("a duplicate", 2, &[0]),
        instruction("an increment of 0", 3, &[0]),
        instruction("an increment of what was not inserted", 3, &[1]),
        instruction("an acknowledgment of what was not sent", 3, &[0x80]),
    ];
    let all = control.chain(others);
    all.map(|(what, kind, parts, code)| Case {
        what,
        stream: Stream::Uni(kind),
        parts,
        cost: Cost::Connection(code),
    })
    .collect()
}

/// On the control stream.
fn control() -> Vec<(&'static str, Vec<Part>, u64)> {
    let first = |kind, payload: &[u8]| vec![Part::Frame(kind, payload.to_vec())];
    let settings = |payload: &[u8]| first(4, payload);
    let next = |part| vec![Part::Frame(4, Vec::new()), part];
    let then = |kind, payload: &[u8]| next(Part::Frame(kind, payload.to_vec()));
    let twice = |kind, ids: [u64; 2]| {
        let ids = ids.map(|id| Part::Frame(kind, varint(id)));
        [&[Part::Frame(4, Vec::new())][..], &ids].concat()
    };
    vec![
        ("no SETTINGS", first(7, &varint(0)), MISSING_SETTINGS),
        ("a reserved frame first", first(0x21, &[]), MISSING_SETTINGS),
        ("two SETTINGS", then(4, &[]), FRAME_UNEXPECTED),
        ("a setting twice", settings(&[6, 0, 6, 0]), SETTINGS_ERROR),
        ("a setting of HTTP/2", settings(&[2, 0]), SETTINGS_ERROR),
        ("a setting that is cut off", settings(&[6]), FRAME_ERROR),
        ("SETTINGS of 2 KiB", settings(&[0x21; 2048]), EXCESSIVE_LOAD),
        ("DATA", next(Part::Data("x")), FRAME_UNEXPECTED),
        ("HEADERS", next(more(&[])), FRAME_UNEXPECTED),
        ("PUSH_PROMISE", then(5, &[0]), FRAME_UNEXPECTED),
        ("WINDOW_UPDATE of HTTP/2", then(8, &[0]), FRAME_UNEXPECTED),
        ("CANCEL_PUSH", then(3, &varint(0)), ID_ERROR),
        ("MAX_PUSH_ID that goes down", twice(13, [5, 4]), ID_ERROR),
        ("GOAWAY that goes up", twice(7, [4, 8]), ID_ERROR),
        ("GOAWAY with more than an id", then(7, &[0, 0]), FRAME_ERROR),
        ("an empty MAX_PUSH_ID", then(13, &[]), FRAME_ERROR),
    ]
}

/// The streams that are there once and to the end.
pub(crate) fn critical() -> Vec<Case> {
    let kinds = [
        ("the control stream", 0),
        ("the encoder's stream", 2),
        ("the decoder's stream", 3),
    ];
    let case = |what, stream, kind, code| Case {
        what,
        stream,
        parts: match kind {
            0 => vec![Part::Frame(4, Vec::new())],
            _ => Vec::new(),
        },
        cost: Cost::Connection(code),
    };
    let both = kinds.into_iter().flat_map(|(what, kind)| {
        [
            case(
                what,
                Stream::UniThatEnds(kind),
                kind,
                CLOSED_CRITICAL_STREAM,
            ),
            case(what, Stream::TwoUni(kind), kind, STREAM_CREATION_ERROR),
        ]
    });
    both.collect()
}

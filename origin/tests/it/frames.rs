//! HTTP/2 frames as a hostile client writes them: what a library would never send.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The preface (RFC 9113 section 3.4) and SETTINGS with this initial window.
pub(crate) fn preface(window: u32) -> Vec<u8> {
    let setting = [&[0, 4][..], &window.to_be_bytes()].concat();
    [
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
        frame(SETTINGS, 0, 0, &setting),
    ]
    .concat()
}

/// A whole GET of `path` for host `x`.
pub(crate) fn get(stream: u32, path: &str) -> Vec<u8> {
    frame(HEADERS, END_HEADERS | END_STREAM, stream, &block(path))
}

/// The beginning of the same, which says that more of the head comes.
pub(crate) fn open_head(stream: u32, path: &str) -> Vec<u8> {
    frame(HEADERS, END_STREAM, stream, &block(path))
}

/// One more field of a head that was left open: `x-f: ` and 100 times `a`.
pub(crate) fn more_head(stream: u32) -> Vec<u8> {
    let field = [&[0, 3][..], b"x-f", &[100], &[b'a'; 100]].concat();
    frame(CONTINUATION, 0, stream, &field)
}

/// RST_STREAM (CANCEL).
pub(crate) fn reset(stream: u32) -> Vec<u8> {
    frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes())
}

/// A PING that wants an answer.
pub(crate) fn ping() -> Vec<u8> {
    frame(PING, 0, 0, &[0; 8])
}

/// SETTINGS that want to be acknowledged.
pub(crate) fn settings() -> Vec<u8> {
    frame(SETTINGS, 0, 0, &[0, 4, 0, 1, 0, 0])
}

/// HPACK (RFC 7541 appendix A): GET, http, the path and the authority as literals with names from the static table.
fn block(path: &str) -> Vec<u8> {
    let length = u8::try_from(path.len()).expect("a short path");
    [
        &[0x82, 0x86, 0x04, length],
        path.as_bytes(),
        &[0x01, 1, b'x'],
    ]
    .concat()
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a short frame");
    let mut frame = length.to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// The number of the stream and the reason of every RST_STREAM, and GOAWAY, until the connection ends.
pub(crate) async fn ends(stream: &mut TcpStream) -> (Vec<(u32, u32)>, Option<u32>) {
    let (mut resets, mut goodbye) = (Vec::new(), None);
    let number = |bytes: &[u8]| u32::from_be_bytes(bytes.try_into().expect("four bytes"));
    let mut head = [0; 9];
    while stream.read_exact(&mut head).await.is_ok() {
        let mut payload = vec![0; number(&[0, head[0], head[1], head[2]]) as usize];
        if stream.read_exact(&mut payload).await.is_err() {
            break;
        }
        match head[3] {
            RST_STREAM => resets.push((number(&head[5..]), number(&payload))),
            GOAWAY => goodbye = Some(number(&payload[4..8])),
            _ => {}
        }
    }
    (resets, goodbye)
}

/// Writes until the other side has had enough.
pub(crate) async fn write_all_or_end(
    stream: &mut TcpStream,
    pieces: impl Iterator<Item = Vec<u8>>,
) {
    for piece in pieces {
        if stream.write_all(&piece).await.is_err() {
            return;
        }
    }
}

const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

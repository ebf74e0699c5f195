//! Server-sent events with JSON in them (WHATWG HTML section 9.2).

mod reader;

use crate::raw;

pub use reader::{Event, EventTooLong, Item, Reader};

/// One event with a message of MCP. `id`: where a client may go on from, if it can.
pub fn event(id: Option<(u64, u64)>, message: &str) -> String {
    // A line break would end the data early; in JSON it is white space.
    let message = raw::one_line(message);
    match id {
        Some((lane, number)) => format!("id: {lane}-{number}\ndata: {message}\n\n"),
        None => format!("data: {message}\n\n"),
    }
}

/// The first event of a stream that can be resumed: without data, so that a client has an id before the first message
/// (2025-11-25, Streamable HTTP). `retry`: how long a client is to wait before it comes back, in milliseconds.
pub fn priming(lane: u64, number: u64, retry: u64) -> String {
    format!("id: {lane}-{number}\nretry: {retry}\ndata: \n\n")
}

/// What a client of a revision without empty events is told first.
pub fn retry(retry: u64) -> String {
    format!("retry: {retry}\n\n")
}

/// Reads an id that [`event`] wrote: the stream, and the number of the event.
pub fn read_id(text: &str) -> Option<(u64, u64)> {
    let number = |text: &str| {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|_| digits)
    };
    let (lane, event) = text.split_once('-')?;
    Some((number(lane)?, number(event)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_one_line_of_data() {
        assert_eq!(
            event(Some((3, 4)), "{\r\n\"a\":1}"),
            "id: 3-4\ndata: {  \"a\":1}\n\n"
        );
        assert_eq!(event(None, "{}"), "data: {}\n\n");
        assert_eq!(priming(3, 0, 500), "id: 3-0\nretry: 500\ndata: \n\n");
    }

    #[test]
    fn only_ids_that_were_written_here_are_read() {
        assert_eq!(read_id("3-4"), Some((3, 4)));
        for other in [
            "",
            "3",
            "3-",
            "-4",
            "+3-4",
            "3-4-5",
            "a-b",
            "3-99999999999999999999",
        ] {
            assert_eq!(read_id(other), None, "{other}");
        }
    }
}

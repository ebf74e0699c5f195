//! `text/event-stream`, read as it arrives (WHATWG HTML, section 9.2.6 "Interpreting an event stream").
//!
//! Two things differ from a browser on purpose: comments are handed out, because they show that a stream lives; and an event
//! without data is handed out when it has a field at all: it may bring an id or a pause.

use std::time::Duration;

/// What a stream held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// An event.
    Event(Event),
    /// A comment, without its colon and without the one space after it.
    Comment(String),
}

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The `event` field; nothing when it was absent or empty, which a browser calls `message`.
    pub event: Option<String>,
    /// The `data` lines, joined by LF; empty when there was none.
    pub data: String,
    /// The `id` field of this very event (a browser would remember the one before).
    pub id: Option<String>,
    /// The `retry` field, where it is a number of milliseconds.
    pub retry: Option<Duration>,
}

/// An incremental reader: lines may end in LF, CR or CRLF, a byte order mark may come first, and a piece may end anywhere.
#[derive(Debug)]
pub struct Reader {
    line: Vec<u8>,
    /// The last byte was a CR, so that an LF now belongs to the line end before.
    after_cr: bool,
    first_line: bool,
    fields: Fields,
    longest: usize,
}

/// A line or an event grew longer than the reader's limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an event of the stream is longer than {longest} bytes")]
pub struct EventTooLong {
    /// The limit in bytes.
    pub longest: usize,
}

#[derive(Debug, Default)]
struct Fields {
    event: Option<String>,
    data: Option<String>,
    id: Option<String>,
    retry: Option<Duration>,
}

impl Reader {
    /// A reader at the start of a stream; a line and the data of an event may have `longest` bytes.
    pub fn new(longest: usize) -> Self {
        Self {
            line: Vec::new(),
            after_cr: false,
            first_line: true,
            fields: Fields::default(),
            longest,
        }
    }

    /// Takes a piece and returns what it completed.
    ///
    /// # Errors
    /// [`EventTooLong`]; the stream cannot be read on then.
    pub fn feed(&mut self, piece: &[u8]) -> Result<Vec<Item>, EventTooLong> {
        let mut items = Vec::new();
        let mut rest = piece;
        if self.after_cr && !rest.is_empty() {
            self.after_cr = false;
            rest = rest.strip_prefix(b"\n").unwrap_or(rest);
        }
        while let Some(end) = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
            self.keep(&rest[..end])?;
            let line = std::mem::take(&mut self.line);
            items.extend(self.end_line(&line)?);
            rest = match &rest[end..] {
                [b'\r'] => {
                    self.after_cr = true;
                    &[]
                }
                [b'\r', b'\n', rest @ ..] | [_, rest @ ..] => rest,
                [] => &[],
            };
        }
        self.keep(rest)?;
        Ok(items)
    }

    /// Whether the stream may end here: nothing that was begun is unfinished. An unfinished event is never handed out
    /// (HTML, section 9.2.6: what is pending at the end is dropped).
    pub fn is_between_events(&self) -> bool {
        self.line.is_empty() && !self.fields.any()
    }

    fn keep(&mut self, bytes: &[u8]) -> Result<(), EventTooLong> {
        if self.line.len() + bytes.len() > self.longest {
            return Err(EventTooLong {
                longest: self.longest,
            });
        }
        self.line.extend_from_slice(bytes);
        Ok(())
    }

    fn end_line(&mut self, line: &[u8]) -> Result<Option<Item>, EventTooLong> {
        // "One leading U+FEFF BYTE ORDER MARK character must be ignored if any are present."
        let line = if std::mem::take(&mut self.first_line) {
            line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(line)
        } else {
            line
        };
        let line = String::from_utf8_lossy(line);
        if line.is_empty() {
            return Ok(self.fields.dispatch().map(Item::Event));
        }
        let (name, value) = line.split_once(':').unwrap_or((&line, ""));
        // "If value starts with a U+0020 SPACE character, remove it from value." Only one.
        let value = value.strip_prefix(' ').unwrap_or(value);
        if name.is_empty() {
            return Ok(Some(Item::Comment(value.to_owned())));
        }
        let held = self.fields.data.as_ref().map_or(0, String::len);
        if held + value.len() > self.longest {
            return Err(EventTooLong {
                longest: self.longest,
            });
        }
        self.fields.set(name, value);
        Ok(None)
    }
}

impl Fields {
    fn set(&mut self, name: &str, value: &str) {
        match name {
            "event" => self.event = Some(value.to_owned()),
            "data" => match &mut self.data {
                Some(data) => {
                    data.push('\n');
                    data.push_str(value);
                }
                None => self.data = Some(value.to_owned()),
            },
            // HTML, section 9.2.6: an id with a NUL in it is no id
            "id" if !value.contains('\0') => self.id = Some(value.to_owned()),
            // the same section: any other character, a sign included, makes the field void
            "retry" if value.bytes().all(|byte| byte.is_ascii_digit()) => {
                self.retry = value.parse().ok().map(Duration::from_millis);
            }
            _ => {}
        }
    }

    fn any(&self) -> bool {
        self.event.is_some() || self.data.is_some() || self.id.is_some() || self.retry.is_some()
    }

    fn dispatch(&mut self) -> Option<Event> {
        if !self.any() {
            return None;
        }
        let Self {
            event,
            data,
            id,
            retry,
        } = std::mem::take(self);
        Some(Event {
            event: event.filter(|event| !event.is_empty()),
            data: data.unwrap_or_default(),
            id,
            retry,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn whole(text: &[u8]) -> Vec<Item> {
        pieces(std::iter::once(text))
    }

    fn pieces<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Vec<Item> {
        let mut reader = Reader::new(1 << 20);
        pieces
            .flat_map(|piece| reader.feed(piece).unwrap())
            .collect()
    }

    fn data(items: &[Item]) -> Vec<&str> {
        items
            .iter()
            .filter_map(|item| match item {
                Item::Event(event) => Some(event.data.as_str()),
                Item::Comment(_) => None,
            })
            .collect()
    }

    #[test]
    fn an_event_has_all_its_fields() {
        let items = whole(b"event: tick\nid: 7\nretry: 1500\ndata: a\ndata:  b\n\n");
        let [Item::Event(event)] = items.as_slice() else {
            panic!("{items:?}")
        };
        assert_eq!(event.event.as_deref(), Some("tick"));
        assert_eq!(event.id.as_deref(), Some("7"));
        assert_eq!(event.retry, Some(Duration::from_millis(1500)));
        assert_eq!(event.data, "a\n b");
    }

    #[test]
    fn lines_end_in_lf_cr_or_crlf() {
        assert_eq!(
            data(&whole(b"data: 1\n\ndata: 2\r\rdata: 3\r\n\r\n")),
            ["1", "2", "3"]
        );
    }

    #[test]
    fn a_comment_is_seen_beside_an_event_that_it_does_not_end() {
        let items = whole(b": keep-alive\n\ndata: a\n:b\ndata: c\n\n");
        assert!(matches!(&items[0], Item::Comment(text) if text == "keep-alive"));
        assert!(matches!(&items[1], Item::Comment(text) if text == "b"));
        assert_eq!((data(&items), items.len()), (vec!["a\nc"], 3));
    }

    #[test]
    fn a_byte_order_mark_counts_only_at_the_start() {
        assert_eq!(
            data(&whole("\u{feff}data: a\n\n\u{feff}data: b\n\n".as_bytes())),
            ["a"]
        );
    }

    #[test]
    fn a_crlf_that_is_cut_in_two_is_one_line_end() {
        let cut = [
            b"data: a\r".as_slice(),
            b"",
            b"\ndata: b\r\n\r",
            b"\ndata: c\n\n",
        ];
        assert_eq!(data(&pieces(cut.into_iter())), ["a\nb", "c"]);
    }

    #[test]
    fn what_the_stream_did_not_finish_is_no_event() {
        let mut reader = Reader::new(1 << 20);
        assert!(reader.feed(b"data: a\n").unwrap().is_empty());
        assert!(!reader.is_between_events());
        assert_eq!(reader.feed(b"\n").unwrap().len(), 1);
        assert!(reader.is_between_events());
    }

    #[test]
    fn bad_fields_are_passed_over() {
        let items = whole(b"id: a\0b\nretry: 1s\nother: x\ndata\n\n");
        let [Item::Event(event)] = items.as_slice() else {
            panic!("{items:?}")
        };
        assert_eq!(
            (event.id.as_deref(), event.retry, event.data.as_str()),
            (None, None, "")
        );
    }

    #[test]
    fn an_endless_line_is_an_error_and_not_an_endless_buffer() {
        let mut reader = Reader::new(8);
        assert!(reader.feed(b"data: ").is_ok());
        assert_eq!(reader.feed(b"abc"), Err(EventTooLong { longest: 8 }));
    }

    proptest! {
        #[test]
        fn the_cuts_do_not_matter(text in "(data: [a-c]?|event: x|:c|id: 1|\u{feff}|\r|\n|\r\n|é){0,24}", cuts in prop::collection::vec(0usize..200, 0..6)) {
            let bytes = text.as_bytes();
            let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
                let cut = pieces(cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]));
            prop_assert_eq!(cut, pieces(std::iter::once(bytes)));
        }
    }
}

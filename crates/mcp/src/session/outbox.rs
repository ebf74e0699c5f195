//! What goes to one client, by streams, and kept for a while so that a broken one can be taken up again.

use std::collections::{BTreeMap, VecDeque};

/// The streams of one session. Stream 0 is the standing one, which GET opens; the others belong to one POST each.
#[derive(Debug)]
pub struct Outbox {
    lanes: BTreeMap<u64, Lane>,
    next: u64,
    readers: u64,
    bytes: usize,
    changes: u64,
}

#[derive(Debug, Default)]
struct Lane {
    events: VecDeque<Kept>,
    bytes: usize,
    /// The number of the last event; the first has 1.
    last: u64,
    /// How many answers are still to come; the standing stream never ends.
    awaited: usize,
    /// The events that are not answers.
    remarks: usize,
    reader: Option<u64>,
    /// The last event that any reader has taken.
    taken: u64,
    /// Whether a client was told of the stream, and so may come back to it.
    known: bool,
    /// Something was dropped that no reader has had.
    torn: bool,
}

#[derive(Debug)]
struct Kept {
    number: u64,
    answer: bool,
    message: Box<str>,
}

/// Who reads a stream. A later reader of the same stream takes its place.
#[derive(Debug, PartialEq, Eq)]
pub struct Reader {
    /// The stream.
    pub lane: u64,
    /// The last event that it has had.
    pub after: u64,
    number: u64,
}

/// What a reader finds.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    /// The next message, with the number of its event.
    Message(u64, Box<str>),
    /// Nothing yet.
    Wait,
    /// Nothing more: the stream is over, or it has another reader.
    End,
}

/// The number of the standing stream.
pub const STANDING: u64 = 0;

impl Default for Outbox {
    fn default() -> Self {
        Self {
            lanes: BTreeMap::from([(STANDING, Lane::default())]),
            next: STANDING + 1,
            readers: 0,
            bytes: 0,
            changes: 0,
        }
    }
}

impl Outbox {
    /// A stream for a POST that wants this many answers.
    pub fn open(&mut self, answers: usize) -> u64 {
        let number = self.next;
        self.next += 1;
        let lane = Lane {
            awaited: answers,
            ..Lane::default()
        };
        self.lanes.insert(number, lane);
        number
    }

    /// Puts a message on a stream; `answer` when it is one of those that the stream waits for.
    pub fn push(&mut self, lane: u64, message: String, answer: bool) {
        let Some(lane) = self.lanes.get_mut(&lane) else {
            return;
        };
        self.changes += 1;
        lane.last += 1;
        if answer {
            lane.awaited = lane.awaited.saturating_sub(1);
        } else {
            lane.remarks += 1;
        }
        self.bytes += message.len();
        lane.bytes += message.len();
        lane.events.push_back(Kept {
            number: lane.last,
            answer,
            message: message.into_boxed_str(),
        });
        while lane.bytes > MAX_TAKEN && lane.first() <= lane.taken {
            self.bytes -= lane.drop_first();
        }
        while lane.bytes > MAX_LANE {
            self.bytes -= lane.drop_first();
            lane.torn = true;
        }
        self.forget_finished(MAX_FINISHED);
    }

    /// Puts a message on the standing stream for one who listens now. Nobody: it is not kept, for a client that comes later
    /// asks for what it wants to know.
    pub fn tell(&mut self, message: String) {
        if self.is_read(STANDING) {
            self.push(STANDING, message, false);
        }
    }

    /// An answer that will not come: its request was cancelled.
    pub fn give_up(&mut self, lane: u64) {
        self.changes += 1;
        if let Some(lane) = self.lanes.get_mut(&lane) {
            lane.awaited = lane.awaited.saturating_sub(1);
        }
    }

    /// A client has left before it heard of its stream: it cannot come back to it.
    pub fn abandon(&mut self, lane: u64) {
        if self.lanes.get(&lane).is_some_and(|found| !found.known) && lane != STANDING {
            self.remove(lane);
        }
    }

    /// Grows with every change that a reader may have to look at.
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// The answers of a stream on which there was nothing else, once all are there. The stream is gone then: its client gets them
    /// as JSON and never hears of it.
    pub fn whole(&mut self, lane: u64) -> Option<Vec<Box<str>>> {
        let remarks = self.lanes.get(&lane)?.remarks;
        if remarks > 0 {
            return None;
        }
        self.answers(lane)
    }

    /// The same for a client that reads no streams: what is no answer is lost.
    pub fn answers(&mut self, lane: u64) -> Option<Vec<Box<str>>> {
        let found = self.lanes.get(&lane)?;
        if found.awaited > 0 || found.known {
            return None;
        }
        let events = self.lanes.remove(&lane)?.events;
        self.bytes -= events
            .iter()
            .map(|event| event.message.len())
            .sum::<usize>();
        let answers = events.into_iter().filter(|event| event.answer);
        Some(answers.map(|event| event.message).collect())
    }

    /// Whether a stream waits for one answer and nothing was put on it, nor its client told of it: then the answer can be given
    /// to the client itself, and the stream be abandoned.
    pub fn awaits_only(&self, lane: u64) -> bool {
        self.lanes
            .get(&lane)
            .is_some_and(|lane| lane.awaited == 1 && lane.last == 0 && !lane.known)
    }

    /// Whether something is on a stream that is no answer: it cannot be [`Outbox::whole`] any more.
    pub fn has_remarks(&self, lane: u64) -> bool {
        self.lanes.get(&lane).is_some_and(|lane| lane.remarks > 0)
    }

    /// Begins to read a stream behind the event `after`; a reader that it has ends. `None`: there is no such stream, or what
    /// followed the event is not kept any more.
    pub fn read(&mut self, lane: u64, after: Option<u64>) -> Option<Reader> {
        let found = self.lanes.get_mut(&lane)?;
        // A new reader of the standing stream begins with what waits for one.
        let after = after.unwrap_or(found.taken);
        if after > found.last || after + 1 < found.first() {
            return None;
        }
        self.changes += 1;
        self.readers += 1;
        found.reader = Some(self.readers);
        found.known = true;
        found.torn = false;
        Some(Reader {
            lane,
            after,
            number: self.readers,
        })
    }

    /// The next message for a reader.
    pub fn next(&mut self, reader: &mut Reader) -> Next {
        let Some(lane) = self.lanes.get_mut(&reader.lane) else {
            return Next::End;
        };
        if lane.reader != Some(reader.number) || lane.torn {
            return Next::End;
        }
        let index = (reader.after + 1).checked_sub(lane.first());
        let index = index.and_then(|index| usize::try_from(index).ok());
        match index.map(|index| lane.events.get(index)) {
            Some(Some(event)) => {
                reader.after = event.number;
                lane.taken = lane.taken.max(event.number);
                Next::Message(event.number, event.message.clone())
            }
            // What it has to get next is not there any more.
            None => Next::End,
            Some(None) if reader.lane != STANDING && lane.awaited == 0 => Next::End,
            Some(None) => Next::Wait,
        }
    }

    /// A reader is gone; its stream waits for another.
    pub fn leave(&mut self, reader: &Reader) {
        if let Some(lane) = self.lanes.get_mut(&reader.lane)
            && lane.reader == Some(reader.number)
        {
            lane.reader = None;
        }
        self.forget_finished(MAX_FINISHED);
    }

    /// Whether somebody reads a stream, or is about to: the client that has just sent its POST.
    pub fn is_read(&self, lane: u64) -> bool {
        self.lanes
            .get(&lane)
            .is_some_and(|found| found.reader.is_some() || (lane != STANDING && !found.known))
    }

    /// Whether any stream has a reader.
    pub fn has_readers(&self) -> bool {
        self.lanes.values().any(|lane| lane.reader.is_some())
    }

    /// How many bytes of messages are kept.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Drops all that nobody reads now and all that readers have had, and returns how many bytes that were.
    pub fn forget(&mut self) -> usize {
        let before = self.bytes;
        self.forget_finished(0);
        for lane in self.lanes.values_mut() {
            // Without a reader nothing of it is for sure wanted; with one, what it has not had is.
            let wanted = if lane.reader.is_some() || !lane.known {
                lane.taken
            } else {
                lane.last
            };
            while !lane.events.is_empty() && lane.first() <= wanted {
                self.bytes -= lane.drop_first();
            }
        }
        before - self.bytes
    }

    /// Keeps this many of the streams that are over and read by nobody, the newest.
    fn forget_finished(&mut self, keep: usize) {
        let finished = self.lanes.iter().rev().filter(|(number, lane)| {
            **number != STANDING && lane.awaited == 0 && lane.reader.is_none() && lane.known
        });
        let old: Vec<u64> = finished.map(|(number, _)| *number).skip(keep).collect();
        for number in old {
            self.remove(number);
        }
    }

    fn remove(&mut self, lane: u64) -> Option<Lane> {
        let lane = self.lanes.remove(&lane)?;
        self.bytes -= lane.bytes;
        Some(lane)
    }
}

impl Lane {
    /// The number of the first event that is kept, or of the next one.
    fn first(&self) -> u64 {
        let first = self.events.front();
        first.map_or(self.last + 1, |event| event.number)
    }

    /// Drops the first event, and says how long it was.
    fn drop_first(&mut self) -> usize {
        let dropped = self.events.pop_front();
        let length = dropped.map_or(0, |event| event.message.len());
        self.bytes -= length;
        length
    }
}

/// The streams of a session that are kept after their end: a client that lost its connection comes back to the last few.
const MAX_FINISHED: usize = 8;

/// What one stream keeps of messages that its reader has had: a client that comes back was away for seconds.
const MAX_TAKEN: usize = 1 << 20;

/// The most that one stream may hold: two messages of the largest size that a server may send (16 MiB).
const MAX_LANE: usize = 32 << 20;

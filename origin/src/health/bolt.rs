//! Bolt, the protocol of Neo4j, Memgraph and FalkorDB: a handshake, a login, `RETURN 1`.
//!
//! Versions 4.1 to 5.8. A client library would bring a pool, a router and a type system for one query that never changes.

use origin_config::Service;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::packstream::Value;
use super::wire::{Wire, broken, open, password};

/// Asks for a row and looks at it.
pub(super) async fn check(service: &Service) -> Result<(), String> {
    let password = password(service.password_file.as_deref()).await?;
    let login = match (&service.user, password) {
        (None, None) => Value::map([("scheme", Value::text("none"))]),
        (user, password) => Value::map([
            ("scheme", Value::text("basic")),
            ("principal", Value::text(user.clone().unwrap_or_default())),
            ("credentials", Value::text(password.unwrap_or_default())),
        ]),
    };
    let mut talk = Talk::open(service).await?;
    talk.log_in(login).await?;
    // The close says good-bye: after Bolt's own word for it FalkorDB 1.4 stood still for seconds (measured).
    talk.one().await
}

/// A connection on which a version is agreed.
struct Talk {
    wire: Wire,
    version: (u8, u8),
}

impl Talk {
    async fn open(service: &Service) -> Result<Self, String> {
        let mut wire = open(service).await?;
        wire.write_all(&HANDSHAKE)
            .await
            .map_err(|error| broken(&error))?;
        wire.flush().await.map_err(|error| broken(&error))?;
        let mut chosen = [0; 4];
        wire.read_exact(&mut chosen)
            .await
            .map_err(|error| broken(&error))?;
        match chosen {
            [0, 0, minor, major @ (4 | 5)] => Ok(Self {
                wire,
                version: (major, minor),
            }),
            [0, 0, 0, 0] => Err("it speaks no version of Bolt from 4.1 to 5.8".to_owned()),
            _ => Err("it does not speak Bolt".to_owned()),
        }
    }

    async fn log_in(&mut self, login: Value) -> Result<(), String> {
        let Value::Map(login) = login else {
            return Ok(());
        };
        let mut hello = vec![("user_agent".to_owned(), Value::text(AGENT))];
        if self.version >= (5, 3) {
            hello.push((
                "bolt_agent".to_owned(),
                Value::map([("product", Value::text(AGENT))]),
            ));
        }
        if self.version >= (5, 1) {
            self.ask(HELLO, vec![Value::Map(hello)]).await?;
            self.ask(LOGON, vec![Value::Map(login)]).await?;
        } else {
            hello.extend(login);
            self.ask(HELLO, vec![Value::Map(hello)]).await?;
        }
        Ok(())
    }

    /// `RETURN 1` and its row.
    async fn one(&mut self) -> Result<(), String> {
        let query = vec![Value::text("RETURN 1"), Value::map([]), Value::map([])];
        self.ask(RUN, query).await?;
        self.send(PULL, vec![Value::map([("n", Value::Integer(-1))])])
            .await?;
        let mut rows = Vec::new();
        loop {
            match self.receive().await? {
                (RECORD, fields) if rows.len() < 2 => rows.push(fields),
                (SUCCESS, _) => break,
                (tag, fields) => return Err(unexpected(tag, &fields)),
            }
        }
        let one = vec![Value::List(vec![Value::Integer(1)])];
        if rows == [one] {
            Ok(())
        } else {
            Err("`RETURN 1` did not give one row with a 1".to_owned())
        }
    }

    /// Sends a message that has to succeed.
    async fn ask(&mut self, tag: u8, fields: Vec<Value>) -> Result<(), String> {
        self.send(tag, fields).await?;
        match self.receive().await? {
            (SUCCESS, _) => Ok(()),
            (tag, fields) => Err(unexpected(tag, &fields)),
        }
    }

    async fn send(&mut self, tag: u8, fields: Vec<Value>) -> Result<(), String> {
        let mut message = Vec::new();
        Value::Structure(tag, fields).encode(&mut message);
        let mut framed = Vec::new();
        for chunk in message.chunks(usize::from(u16::MAX)) {
            framed.extend(u16::try_from(chunk.len()).unwrap_or(u16::MAX).to_be_bytes());
            framed.extend(chunk);
        }
        framed.extend([0, 0]);
        let sent = self.wire.write_all(&framed).await;
        sent.map_err(|error| broken(&error))?;
        self.wire.flush().await.map_err(|error| broken(&error))
    }

    /// The next message: its kind and its fields. Empty chunks before it keep a connection alive and say nothing.
    async fn receive(&mut self) -> Result<(u8, Vec<Value>), String> {
        let mut message = Vec::new();
        loop {
            let length = self.wire.read_u16().await.map_err(|error| broken(&error))?;
            match (length, message.is_empty()) {
                (0, true) => continue,
                (0, false) => break,
                _ => {}
            }
            let start = message.len();
            if start + usize::from(length) > LONGEST_MESSAGE {
                return Err("its message is longer than any answer to `RETURN 1`".to_owned());
            }
            message.resize(start + usize::from(length), 0);
            let read = self.wire.read_exact(&mut message[start..]).await;
            read.map_err(|error| broken(&error))?;
        }
        match Value::decode(&message).map_err(|error| error.to_string())? {
            Value::Structure(tag, fields) => Ok((tag, fields)),
            _ => Err("its message has no kind".to_owned()),
        }
    }
}

/// What a message says that should not have come.
fn unexpected(tag: u8, fields: &[Value]) -> String {
    if tag != FAILURE {
        return format!("it sent a message of kind {tag:#04x}, which is none that may come here");
    }
    let said = |key| match fields.first().and_then(|map| map.find(key)) {
        Some(Value::Text(text)) => text.escape_debug().take(LONGEST_SAID).collect(),
        _ => String::new(),
    };
    format!("it answers `{}`: {}", said("code"), said("message"))
}

/// The magic number of Bolt, then what may be chosen, best first: 5.8 down to 5.0, 4.4 down to 4.2, 4.1. The second byte of
/// each is how many minor versions below are meant too.
const HANDSHAKE: [u8; 20] = [
    0x60, 0x60, 0xB0, 0x17, 0, 8, 8, 5, 0, 2, 4, 4, 0, 0, 1, 4, 0, 0, 0, 0,
];

const HELLO: u8 = 0x01;
const RUN: u8 = 0x10;
const PULL: u8 = 0x3F;
const LOGON: u8 = 0x6A;
const SUCCESS: u8 = 0x70;
const RECORD: u8 = 0x71;
const FAILURE: u8 = 0x7F;

const AGENT: &str = concat!("origin/", env!("CARGO_PKG_VERSION"));

/// Neo4j's answer to a login, with its hints, is below 1 KiB.
const LONGEST_MESSAGE: usize = 64 << 10;

const LONGEST_SAID: usize = 300;

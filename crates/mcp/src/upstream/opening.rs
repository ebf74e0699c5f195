//! Which era a server is of.

use super::{Event, Hello, Pending, Phase, Probe, Told, Upstream, translate};
use crate::capabilities::Capabilities;
use crate::dispatch::method;
use crate::offers::{Kind, Offers};
use crate::raw::{self, Object, quote};
use crate::reply::SERVER_INFO;
use crate::upstream::Caller;
use crate::version::{Era, Revision};

/// How far the question is.
#[derive(Debug, Default)]
pub(super) struct Opening {
    asked: Vec<Era>,
    refused: Vec<String>,
}

impl Upstream {
    pub(super) fn probe(&mut self, probe: Probe) {
        self.ask_for(probe.first);
        if probe.at_once {
            self.ask_for(other(probe.first));
        }
    }

    fn ask_for(&mut self, era: Era) {
        if let Phase::Opening(opening) = &mut self.phase {
            opening.asked.push(era);
        }
        let own = &self.own;
        let (method, params) = match era {
            Era::Legacy => {
                let capabilities = match self.told {
                    Told::Nothing => "{}",
                    Told::Everything => &own.capabilities,
                };
                let params = format!(
                    "{{\"protocolVersion\":\"{}\",\"capabilities\":{capabilities},\"clientInfo\":{}}}",
                    own.revision, own.client_info
                );
                (method::INITIALIZE, params)
            }
            Era::Modern => {
                let params = translate::params(Era::Modern, "{}", &Caller::Own, own);
                (method::DISCOVER, params)
            }
        };
        self.request(method, &params, Pending::Opening(era));
    }

    /// The server has answered the question for `era`.
    pub(super) fn opened(&mut self, era: Era, outcome: Result<&str, &str>) {
        if !matches!(self.phase, Phase::Opening(_)) {
            // It is of both eras, and the other was first.
            return;
        }
        let met = outcome
            .map_err(|error| format!("the server refused `{}`: {error}", question(era)))
            .and_then(|result| match era {
                Era::Legacy => greeted(result),
                Era::Modern => discovered(result),
            });
        match met {
            Ok(hello) => self.met(era, hello),
            Err(reason) => self.refused(reason),
        }
    }

    fn refused(&mut self, reason: String) {
        let Phase::Opening(opening) = &mut self.phase else {
            return;
        };
        opening.refused.push(reason);
        let asked = opening.asked.clone();
        if let [only] = asked.as_slice() {
            self.ask_for(other(*only));
        } else if opening.refused.len() == asked.len() {
            let reason = opening.refused.join("; ");
            self.fail(reason);
        }
    }

    fn met(&mut self, era: Era, hello: Hello) {
        if era == Era::Legacy {
            self.notify(method::INITIALIZED, None);
        }
        self.capabilities = hello.offers.capabilities.clone();
        self.phase = Phase::Listing(era, Box::new(hello));
        if self.shared {
            if era == Era::Modern {
                // Before the lists: a change while they are read is heard of.
                self.listen();
            }
            let capabilities = self.capabilities.clone();
            for kind in Kind::ALL {
                if kind.of(&capabilities) {
                    self.list(kind);
                }
            }
        }
        self.settle();
    }

    /// Becomes ready when all that was to be read is read.
    pub(super) fn settle(&mut self) {
        let Phase::Listing(era, _) = self.phase else {
            return;
        };
        if self.listings.is_empty()
            && let Phase::Listing(_, hello) = std::mem::replace(&mut self.phase, Phase::Ready(era))
        {
            self.events.push_back(Event::Ready(*hello));
        }
    }
}

/// Reads the answer to the handshake.
fn greeted(result: &str) -> Result<Hello, String> {
    let object = Object::read(result);
    let member = |key: &str| Some(object.as_ref()?.find(key)?.value);
    let protocol_version = member("protocolVersion")
        .and_then(raw::unquote)
        .ok_or("the server's handshake names no protocol version")?;
    if !SPOKEN.contains(&protocol_version.as_ref()) {
        return Err(format!(
            "the server speaks MCP `{protocol_version}`, which is not known here"
        ));
    }
    Ok(Hello {
        protocol_version: protocol_version.into_owned(),
        server_info: member("serverInfo").map(Into::into),
        offers: offers(Era::Legacy, object.as_ref()),
    })
}

/// Reads the answer to 2026-07-28's discovery.
fn discovered(result: &str) -> Result<Hello, String> {
    let object = Object::read(result);
    let member = |key: &str| Some(object.as_ref()?.find(key)?.value);
    let latest = Revision::LATEST.as_str();
    let spoken = member("supportedVersions").and_then(raw::elements);
    if !spoken.is_some_and(|versions| versions.contains(&quote(latest).as_str())) {
        return Err(format!(
            "the server was discovered and does not speak MCP `{latest}`"
        ));
    }
    let info = member("_meta").and_then(|meta| Some(Object::read(meta)?.find(SERVER_INFO)?.value));
    Ok(Hello {
        protocol_version: latest.to_owned(),
        server_info: info.map(Into::into),
        offers: offers(Era::Modern, object.as_ref()),
    })
}

fn offers(era: Era, object: Option<&Object<'_>>) -> Offers {
    let member = |key: &str| Some(object?.find(key)?.value);
    let instructions = member("instructions").and_then(raw::unquote);
    Offers {
        era,
        capabilities: member("capabilities")
            .map(Capabilities::read)
            .unwrap_or_default(),
        instructions: instructions.map(std::borrow::Cow::into_owned),
        ..Offers::default()
    }
}

const fn other(era: Era) -> Era {
    match era {
        Era::Legacy => Era::Modern,
        Era::Modern => Era::Legacy,
    }
}

const fn question(era: Era) -> &'static str {
    match era {
        Era::Legacy => method::INITIALIZE,
        Era::Modern => method::DISCOVER,
    }
}

/// What a server may choose in the handshake. 2024-11-05 had another HTTP transport, but its messages over stdio are the same.
const SPOKEN: [&str; 4] = [
    "2024-11-05",
    Revision::V2025_03_26.as_str(),
    Revision::V2025_06_18.as_str(),
    Revision::V2025_11_25.as_str(),
];

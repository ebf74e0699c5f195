//! Tool calls of clients that do not speak MCP: what they send, what a server is asked for them, and how its answer is told.

mod ask;
mod told;

use std::sync::Arc;

use crate::catalog::{Catalog, Entry};
use crate::dispatch::{CLIENT_CAPABILITIES, CLIENT_INFO, PROTOCOL_VERSION, method};
use crate::raw::{Object, quote};
use crate::reply::Service;
use crate::upstream::Logs;
use crate::version::Revision;

pub use ask::{Ask, NotAnAsk};
pub use told::{Refusal, Verdict, progress, refusal, verdict};

/// One call of a tool as its server is asked it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// The server.
    pub server: Arc<str>,
    /// The method.
    pub method: &'static str,
    /// Its `params`.
    pub params: String,
    /// Who may read the log messages that it causes.
    pub logs: Logs,
}

/// Makes the call of `entry`, which is one of `catalog`. The arguments keep their bytes. `progress`: the server is asked to tell
/// how far it is.
pub fn order(
    catalog: &Catalog,
    service: &Service,
    entry: &Entry,
    (arguments, progress): (&str, bool),
) -> Order {
    let native = catalog
        .member(&entry.server)
        .is_some_and(|member| member.modern);
    let mut meta = Vec::new();
    if native {
        meta.push(format!("\"{PROTOCOL_VERSION}\":\"{}\"", Revision::LATEST));
        // Nobody is there whom the server could ask back.
        meta.push(format!("\"{CLIENT_CAPABILITIES}\":{{}}"));
        meta.push(format!("\"{CLIENT_INFO}\":{}", service.info()));
    }
    if progress {
        // Unique enough: on its way it becomes the id of the server's own request.
        meta.push("\"progressToken\":1".to_owned());
    }
    let meta = if meta.is_empty() {
        String::new()
    } else {
        format!(",\"_meta\":{{{}}}", meta.join(","))
    };
    Order {
        server: Arc::clone(&entry.server),
        method: method::TOOLS_CALL,
        params: format!(
            "{{\"name\":{},\"arguments\":{arguments}{meta}}}",
            quote(&entry.name)
        ),
        logs: if native { Logs::None } else { Logs::Lost },
    }
}

/// A tool as plain clients see it: `{"name","server","tool","description"?,"input_schema","output_schema"?,"annotations"?,…}`, with all that its
/// server said of it. Of the bytes only the names of the two schemas are changed; `tool` is the server's own name of it.
pub fn described(entry: &Entry) -> String {
    let mut text = format!(
        "{{\"name\":{},\"server\":{},\"tool\":{}",
        quote(&entry.public),
        quote(&entry.server),
        quote(&entry.name)
    );
    let object = Object::read(&entry.json);
    for member in object.iter().flat_map(Object::members) {
        let key = match member.key.as_ref() {
            // A server has no such members of its own; two readers may each believe another of two.
            "name" | "server" | "tool" | "input_schema" | "output_schema" => continue,
            "inputSchema" => "input_schema",
            "outputSchema" => "output_schema",
            other => other,
        };
        text.push(',');
        text.push_str(&quote(key));
        text.push(':');
        text.push_str(member.value);
    }
    text.push('}');
    text
}

/// One member of a tool's description as raw JSON: `inputSchema`, `description`, `title`.
pub fn member_of<'a>(entry: &'a Entry, key: &str) -> Option<&'a str> {
    Some(Object::read(&entry.json)?.find(key)?.value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capabilities::Capabilities;
    use crate::catalog::Source;
    use crate::offers::{Kind, Offers};
    use crate::tool::Naming;

    fn catalog(modern: bool) -> Catalog {
        let mut offers = Offers {
            capabilities: Capabilities::read(r#"{"tools":{}}"#),
            modern: modern.then(|| Capabilities::read(r#"{"tools":{}}"#)),
            ..Offers::default()
        };
        let tool = r#"{"name":"say it","title":"Say","inputSchema":{"maximum":1.0},"x":[1e2],"server":"evil"}"#;
        offers.set(Kind::Tools, vec![tool.into()]);
        let source = Source {
            server: "s",
            offers: &offers,
            private: false,
        };
        Catalog::build(Naming::Prefixed, &[source])
    }

    fn ordered(modern: bool, progress: bool) -> String {
        let catalog = catalog(modern);
        let service = Service {
            name: "o".into(),
            version: "1".into(),
        };
        let entry = &catalog.entries()[0];
        order(&catalog, &service, entry, (r#"{"a":1.0}"#, progress)).params
    }

    #[test]
    fn a_server_is_asked_in_its_own_era() {
        assert_eq!(
            ordered(false, false),
            r#"{"name":"say it","arguments":{"a":1.0}}"#
        );
        let legacy = ordered(false, true);
        assert!(
            legacy.ends_with(r#","_meta":{"progressToken":1}}"#),
            "{legacy}"
        );
        let modern = ordered(true, false);
        for part in [
            PROTOCOL_VERSION,
            CLIENT_CAPABILITIES,
            r#"{"name":"o","version":"1"}"#,
        ] {
            assert!(modern.contains(part), "{modern}");
        }
    }

    #[test]
    fn a_description_has_all_that_the_server_said() {
        let catalog = catalog(false);
        let text = described(&catalog.entries()[0]);
        let public = &catalog.entries()[0].public;
        assert_eq!(
            text,
            format!(
                r#"{{"name":"{public}","server":"s","tool":"say it","title":"Say","input_schema":{{"maximum":1.0}},"x":[1e2]}}"#
            )
        );
    }
}

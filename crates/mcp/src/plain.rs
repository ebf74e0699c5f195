//! Tool calls of clients that do not speak MCP: what they send, what a server is asked for them, and how its answer is told.

mod ask;
mod told;

use std::sync::Arc;

use crate::catalog::Entry;
use crate::dispatch::method;
use crate::raw::{Object, quote};

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
}

/// Makes the call of `entry`, which the origin makes for itself: nobody is there whom a server could ask back. The arguments
/// keep their bytes. `progress`: the server is asked to tell how far it is.
pub fn order(entry: &Entry, arguments: &str, progress: bool) -> Order {
    // Unique enough: on its way it becomes the id of the server's own request.
    let meta = if progress {
        ",\"_meta\":{\"progressToken\":1}"
    } else {
        ""
    };
    Order {
        server: Arc::clone(&entry.server),
        method: method::TOOLS_CALL,
        params: format!(
            "{{\"name\":{},\"arguments\":{arguments}{meta}}}",
            quote(&entry.name)
        ),
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
    use crate::catalog::{Catalog, Source};
    use crate::offers::{Kind, Offers};
    use crate::tool::Naming;

    fn catalog() -> Catalog {
        let mut offers = Offers {
            capabilities: Capabilities::read(r#"{"tools":{}}"#),
            ..Offers::default()
        };
        let tool = r#"{"name":"say it","title":"Say","inputSchema":{"maximum":1.0},"x":[1e2],"server":"evil"}"#;
        offers.set(Kind::Tools, vec![tool.into()].into());
        let source = Source {
            server: "s",
            offers: &offers,
            private: false,
        };
        Catalog::build(Naming::Prefixed, &[source])
    }

    #[test]
    fn a_tool_is_called_by_its_servers_name_for_it() {
        let catalog = catalog();
        let ordered = |progress| order(&catalog.entries()[0], r#"{"a":1.0}"#, progress).params;
        let silent = r#"{"name":"say it","arguments":{"a":1.0}}"#;
        assert_eq!(ordered(false), silent);
        let meta = r#","_meta":{"progressToken":1}}"#;
        assert_eq!(ordered(true), silent.replace("}}", &format!("}}{meta}")));
    }

    #[test]
    fn a_description_has_all_that_the_server_said() {
        let catalog = catalog();
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

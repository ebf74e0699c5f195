//! Messages that the origin writes itself, and what it adds to those of the servers.

use crate::catalog::Catalog;
use crate::error::Error;
use crate::jsonrpc::Id;
use crate::raw::{Object, quote};
use crate::version::{Era, Revision};

/// Who the origin is to its clients.
#[derive(Clone, Debug)]
pub struct Service {
    /// The service's name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// What a model should know about it, if anything.
    pub instructions: Option<String>,
}

impl Service {
    /// The `serverInfo` object.
    fn info(&self) -> String {
        format!(
            "{{\"name\":{},\"version\":{}}}",
            quote(&self.name),
            quote(&self.version)
        )
    }

    fn instructions(&self) -> String {
        self.instructions
            .as_ref()
            .map(|text| format!(",\"instructions\":{}", quote(text)))
            .unwrap_or_default()
    }

    /// The result of the handshake of the older revisions. Only what is served is declared.
    pub(crate) fn initialize(&self, requested: &str) -> String {
        format!(
            "{{\"protocolVersion\":\"{}\",\"capabilities\":{CAPABILITIES},\"serverInfo\":{}{}}}",
            Revision::negotiate(requested),
            self.info(),
            self.instructions()
        )
    }

    /// The result of 2026-07-28's discovery.
    pub(crate) fn discover(&self) -> String {
        let versions = Revision::names(Era::Modern);
        let instructions = self.instructions();
        let own = format!(
            "{{\"supportedVersions\":{versions},\"capabilities\":{CAPABILITIES}{instructions},{CACHING}}}"
        );
        self.complete(&own)
    }

    /// The list of all tools, in one page.
    pub(crate) fn tools(&self, catalog: &Catalog, era: Era) -> String {
        let tools = catalog.list();
        match era {
            Era::Legacy => format!("{{\"tools\":{tools}}}"),
            Era::Modern => self.complete(&format!("{{\"tools\":{tools},{CACHING}}}")),
        }
    }

    /// A result as a client of 2026-07-28 wants it: with `resultType`, and with the server's identity in `_meta`. What is
    /// there already stays, and so does every other byte.
    pub fn complete(&self, result: &str) -> String {
        let Some(object) = Object::read(result) else {
            return result.to_owned();
        };
        let identity = format!("\"{SERVER_INFO}\":{}", self.info());
        let meta = object.find("_meta");
        let with_meta = match meta.and_then(|meta| Object::read(meta.value)) {
            Some(inner) if inner.find(SERVER_INFO).is_some() => result.to_owned(),
            Some(inner) => meta.map_or_else(String::new, |meta| {
                object.replaced(meta, &inner.with(&identity))
            }),
            None if meta.is_none() => object.with(&format!("\"_meta\":{{{identity}}}")),
            None => result.to_owned(),
        };
        if object.find("resultType").is_some() {
            return with_meta;
        }
        Object::read(&with_meta).map_or_else(String::new, |object| {
            object.with("\"resultType\":\"complete\"")
        })
    }
}

/// A response with a result.
pub fn result(id: &Id, result: &str) -> String {
    format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":{result}}}")
}

/// A response with an error; the id is `null` where none could be read (JSON-RPC 2.0 section 5).
pub fn error(id: Option<&Id>, error: &Error) -> String {
    raw_error(id, &error.to_json())
}

/// A response with the error object that a server sent.
pub fn raw_error(id: Option<&Id>, error: &str) -> String {
    let id = id.map_or("null", Id::as_json);
    format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"error\":{error}}}")
}

/// What is served: tools. A change of the list is not announced yet, so it is not declared.
const CAPABILITIES: &str = "{\"tools\":{}}";

/// How long a client may keep a list: as long as the longest pause before a server's restart, 30 s. The lists are the same
/// for every caller.
const CACHING: &str = "\"ttlMs\":30000,\"cacheScope\":\"public\"";

const SERVER_INFO: &str = "io.modelcontextprotocol/serverInfo";

#[cfg(test)]
mod tests {
    use super::*;

    fn service() -> Service {
        Service {
            name: "s".into(),
            version: "1".into(),
            instructions: Some("a \"b\"".into()),
        }
    }

    const INFO: &str = r#""io.modelcontextprotocol/serverInfo":{"name":"s","version":"1"}"#;

    #[test]
    fn a_forwarded_result_is_completed_and_otherwise_untouched() {
        let expected = format!(r#"{{"resultType":"complete","_meta":{{{INFO}}},"b":1.0, "a":2}}"#);
        assert_eq!(service().complete(r#"{"b":1.0, "a":2}"#), expected);
        let expected =
            format!(r#"{{"resultType":"complete","b":1, "_meta" : {{{INFO},"x":1e2}}}}"#);
        assert_eq!(
            service().complete(r#"{"b":1, "_meta" : {"x":1e2}}"#),
            expected
        );
    }

    #[test]
    fn what_a_server_says_itself_stays() {
        let own = format!(
            r#"{{"resultType":"task","_meta":{{{}}}}}"#,
            INFO.replace("\"s\"", "\"t\"")
        );
        assert_eq!(service().complete(&own), own);
        assert_eq!(service().complete("7"), "7");
    }

    #[test]
    fn discovery_is_json_with_all_that_must_be_there() {
        let value: serde_json::Value = serde_json::from_str(&service().discover()).unwrap();
        assert_eq!(value["supportedVersions"][0], "2026-07-28");
        assert_eq!(
            (&value["ttlMs"], &value["cacheScope"]),
            (&30_000.into(), &"public".into())
        );
        assert_eq!(
            (&value["resultType"], &value["instructions"]),
            (&"complete".into(), &"a \"b\"".into())
        );
        assert_eq!(value["_meta"][SERVER_INFO]["name"], "s");
    }

    #[test]
    fn an_old_client_gets_neither_result_types_nor_caching() {
        assert_eq!(
            service().tools(&Catalog::default(), Era::Legacy),
            r#"{"tools":[]}"#
        );
    }

    #[test]
    fn errors_have_the_callers_id_or_null() {
        let body = error(None, &Error::new(-32700, "no \"JSON\"").with_data("{}"));
        let expected = r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"no \"JSON\"","data":{}}}"#;
        assert_eq!(body, expected);
    }
}

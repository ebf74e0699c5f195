//! Messages that the origin writes itself, and what it adds to those of the servers.

use crate::caching::Caching;
use crate::catalog::Catalog;
use crate::error::Error;
use crate::jsonrpc::Id;
use crate::offers::Kind;
use crate::raw::{Object, quote};
use crate::version::{Era, Revision};

/// Who the origin is to its clients.
#[derive(Clone, Debug)]
pub struct Service {
    /// The service's name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Whether what a client sees depends on the API key that it shows: no cache may give it to another client then.
    pub keyed: bool,
}

impl Service {
    /// The `serverInfo` object.
    pub(crate) fn info(&self) -> String {
        format!(
            "{{\"name\":{},\"version\":{}}}",
            quote(&self.name),
            quote(&self.version)
        )
    }

    /// The result of the handshake of the older revisions. Only what is served is declared.
    pub(crate) fn initialize(&self, revision: Revision, catalog: &Catalog) -> String {
        format!(
            "{{\"protocolVersion\":\"{revision}\",\"capabilities\":{},\"serverInfo\":{}{}}}",
            catalog.capabilities(Era::Legacy).to_json(Era::Legacy),
            self.info(),
            instructions(catalog)
        )
    }

    /// The result of 2026-07-28's discovery.
    pub(crate) fn discover(&self, catalog: &Catalog) -> String {
        let versions = Revision::names(Era::Modern);
        let capabilities = catalog.capabilities(Era::Modern).to_json(Era::Modern);
        let instructions = instructions(catalog);
        let own = format!(
            "{{\"supportedVersions\":{versions},\"capabilities\":{capabilities}{instructions},{}}}",
            self.caching(Caching::OWN)
        );
        self.complete(&own)
    }

    /// One list, whole, in one page.
    pub(crate) fn list(&self, catalog: &Catalog, kind: Kind, era: Era) -> String {
        let (key, items) = (kind.key(), catalog.list(kind));
        match era {
            Era::Legacy => format!("{{\"{key}\":{items}}}"),
            Era::Modern => {
                let caching = self.caching(catalog.caching(kind));
                self.complete(&format!("{{\"{key}\":{items},{caching}}}"))
            }
        }
    }

    fn caching(&self, said: Caching) -> String {
        let private = said.private || self.keyed;
        Caching { private, ..said }.members()
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

fn instructions(catalog: &Catalog) -> String {
    catalog
        .instructions()
        .map(|text| format!(",\"instructions\":{}", quote(text)))
        .unwrap_or_default()
}

/// A notification.
pub fn notification(method: &str, params: Option<&str>) -> String {
    let params = params
        .map(|params| format!(",\"params\":{params}"))
        .unwrap_or_default();
    format!(
        "{{\"jsonrpc\":\"2.0\",\"method\":{}{params}}}",
        quote(method)
    )
}

/// A request.
pub(crate) fn request(id: &Id, method: &str, params: Option<&str>) -> String {
    let params = params
        .map(|params| format!(",\"params\":{params}"))
        .unwrap_or_default();
    format!(
        "{{\"jsonrpc\":\"2.0\",\"id\":{id},\"method\":{}{params}}}",
        quote(method)
    )
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

/// `_meta`: who the server is that answers (2026-07-28).
pub(crate) const SERVER_INFO: &str = "io.modelcontextprotocol/serverInfo";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Source;
    use crate::offers::{List, Offers};
    use crate::tool::Naming;

    fn service() -> Service {
        Service {
            name: "s".into(),
            version: "1".into(),
            keyed: false,
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
        let offers = Offers {
            instructions: Some("a \"b\"".into()),
            ..Offers::default()
        };
        let source = Source {
            server: "s",
            offers: &offers,
            private: false,
        };
        let catalog = Catalog::build(Naming::Plain, &[source]);
        let value: serde_json::Value = serde_json::from_str(&service().discover(&catalog)).unwrap();
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
    fn a_list_may_be_kept_as_long_as_every_server_says_and_with_keys_by_its_caller_only() {
        let list = |ttl_ms, private| {
            let mut offers = Offers::default();
            let caching = Some(Caching { ttl_ms, private });
            let items = Vec::new();
            offers.set(Kind::Tools, List { items, caching });
            offers
        };
        let told = |service: &Service, offers: &[Offers]| {
            let sources = offers.iter().map(|offers| Source {
                server: "s",
                offers,
                private: false,
            });
            let catalog = Catalog::build(Naming::Prefixed, &sources.collect::<Vec<_>>());
            let text = service.list(&catalog, Kind::Tools, Era::Modern);
            let value: serde_json::Value = serde_json::from_str(&text).unwrap();
            format!("{} {}", value["ttlMs"], value["cacheScope"])
        };
        let open = service();
        let long = list(90_000, false);
        assert_eq!(told(&open, &[Offers::default()]), "30000 \"public\"");
        assert_eq!(told(&open, &[long.clone(), list(7, false)]), "7 \"public\"");
        assert_eq!(told(&open, &[list(7, true), long.clone()]), "7 \"private\"");
        let keyed = Service {
            keyed: true,
            ..open
        };
        assert_eq!(told(&keyed, &[long]), "30000 \"private\"");
    }

    #[test]
    fn an_old_client_gets_neither_result_types_nor_caching() {
        assert_eq!(
            service().list(&Catalog::default(), Kind::Tools, Era::Legacy),
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

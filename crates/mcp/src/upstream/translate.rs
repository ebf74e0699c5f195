//! From one era to the other: what a request says of its caller, and what an answer has beside its content.

use crate::dispatch::{
    CLIENT_CAPABILITIES, CLIENT_INFO, ENVELOPE, LOG_LEVEL, PROTOCOL_VERSION, SUBSCRIPTION_ID,
    without_envelope,
};
use crate::error::{INVALID_PARAMS, RESOURCE_NOT_FOUND};
use crate::level::Level;
use crate::raw::Object;
use crate::upstream::{Caller, Greeting};
use crate::version::{Era, Revision};

/// `params` as a server of `era` takes them. `own`: who [`Caller::Own`] is.
pub(super) fn params(era: Era, params: &str, caller: &Caller, own: &Greeting) -> String {
    match (era, caller) {
        (Era::Legacy, Caller::Modern(_)) => without_envelope(params),
        (Era::Legacy, _) | (Era::Modern, Caller::Modern(_)) => params.to_owned(),
        (Era::Modern, Caller::Own) => with_envelope(params, own, None),
        (Era::Modern, Caller::Session(greeting, level)) => with_envelope(params, greeting, *level),
    }
}

/// `params` of 2026-07-28, made of those of an older revision: the request says itself who makes it.
fn with_envelope(params: &str, greeting: &Greeting, level: Option<Level>) -> String {
    let mut envelope = format!(
        "\"{PROTOCOL_VERSION}\":\"{}\",\"{CLIENT_CAPABILITIES}\":{},\"{CLIENT_INFO}\":{}",
        Revision::LATEST,
        capabilities(&greeting.capabilities),
        greeting.client_info
    );
    if let Some(level) = level {
        let level = format!(",\"{LOG_LEVEL}\":\"{}\"", level.as_str());
        envelope.push_str(&level);
    }
    let Some(object) = Object::read(params) else {
        return params.to_owned();
    };
    let meta = object.find("_meta");
    let inner = meta.and_then(|meta| Some((meta, without_envelope_keys(meta.value)?)));
    if let Some((meta, inner)) = inner {
        let inner = Object::read(&inner).map(|inner| inner.with(&envelope));
        return object.replaced(meta, &inner.unwrap_or_default());
    }
    let rest = object.without(|key| key == "_meta");
    let envelope = format!("\"_meta\":{{{envelope}}}");
    Object::read(&rest).map_or_else(|| params.to_owned(), |rest| rest.with(&envelope))
}

/// Nobody but the origin says who a caller is.
fn without_envelope_keys(meta: &str) -> Option<String> {
    let inner = Object::read(meta)?;
    Some(inner.without(|key| ENVELOPE.contains(&key)).into_owned())
}

/// Of what a client of an older revision can do, what 2026-07-28 knows by the same name.
fn capabilities(legacy: &str) -> String {
    let known = Object::read(legacy).map(|object| {
        object
            .without(|key| !CAPABILITIES.contains(&key))
            .into_owned()
    });
    known.unwrap_or_else(|| "{}".to_owned())
}

/// A result of a server of `era` as a caller of another takes it.
pub(super) fn result(era: Era, result: &str, caller: &Caller) -> Box<str> {
    if era == Era::Legacy || !matches!(caller, Caller::Session(..)) {
        return result.into();
    }
    let complete = |object: &Object<'_>| {
        let kind = object.find("resultType");
        kind.is_none_or(|kind| kind.value == "\"complete\"")
    };
    match Object::read(result) {
        Some(object) if complete(&object) => object.without(|key| ADDED.contains(&key)).into(),
        _ => result.into(),
    }
}

/// An error of a server as a caller of the era takes it: that of a resource that is not there has another code in each.
pub(super) fn error(error: &str, reads: bool, caller: &Caller) -> Box<str> {
    let replaced = Object::read(error).and_then(|object| {
        let member = object.find("code")?;
        let uri = object
            .find("data")
            .and_then(|data| Object::read(data.value)?.find("uri").map(|_| ()));
        let code = match (member.value.parse().ok()?, caller) {
            (RESOURCE_NOT_FOUND, Caller::Modern(_)) => INVALID_PARAMS,
            (INVALID_PARAMS, Caller::Session(..)) if reads && uri.is_some() => RESOURCE_NOT_FOUND,
            _ => return None,
        };
        Some(object.replaced(member, &code.to_string()))
    });
    replaced.map_or_else(|| error.into(), Into::into)
}

/// `params` of a notification without what ties it to a listen request of the origin.
pub(super) fn unsubscribed(params: &str) -> String {
    let without = Object::read(params).and_then(|object| {
        let meta = object.find("_meta")?;
        let inner = Object::read(meta.value)?;
        let inner = inner.without(|key| key == SUBSCRIPTION_ID);
        Some(if inner.trim() == "{}" {
            object.without(|key| key == "_meta").into_owned()
        } else {
            object.replaced(meta, &inner)
        })
    });
    without.unwrap_or_else(|| params.to_owned())
}

/// What 2026-07-28 kept of the capabilities of clients.
const CAPABILITIES: [&str; 4] = ["experimental", "sampling", "elicitation", "roots"];

/// What 2026-07-28 added to results.
const ADDED: [&str; 3] = ["resultType", "ttlMs", "cacheScope"];

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn greeting(capabilities: &str) -> Greeting {
        Greeting {
            revision: Revision::V2025_11_25,
            capabilities: capabilities.into(),
            client_info: r#"{"name":"c"}"#.into(),
        }
    }

    fn session(capabilities: &str, level: Option<&str>) -> Caller {
        let level = level.and_then(Level::parse);
        Caller::Session(Arc::new(greeting(capabilities)), level)
    }

    const CLAIM: &str = r#""io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities""#;

    #[test]
    fn a_session_speaks_to_a_modern_server_as_itself() {
        let caller = session(r#"{"sampling":{"x":1.0},"tasks":{}}"#, Some("info"));
        let made = params(Era::Modern, r#"{"name":"t"}"#, &caller, &greeting("{}"));
        let expected = format!(
            r#"{{"_meta":{{{CLAIM}:{{"sampling":{{"x":1.0}}}},"io.modelcontextprotocol/clientInfo":{{"name":"c"}},"io.modelcontextprotocol/logLevel":"info"}},"name":"t"}}"#
        );
        assert_eq!(made, expected);
    }

    #[test]
    fn what_a_session_claims_in_meta_of_its_own_does_not_count() {
        let forged = format!(r#"{{"_meta":{{{CLAIM}:{{"roots":{{}}}},"progressToken":7}}}}"#);
        let made = params(Era::Modern, &forged, &session("{}", None), &greeting("{}"));
        assert!(
            !made.contains("roots") && made.contains("\"progressToken\":7"),
            "{made}"
        );
        let made = params(Era::Modern, r#"{"_meta":7}"#, &Caller::Own, &greeting("{}"));
        assert!(made.contains(CLAIM) && !made.contains(":7"), "{made}");
    }

    #[test]
    fn a_modern_caller_is_stripped_for_an_old_server_and_untouched_for_a_modern_one() {
        let own = format!(r#"{{"_meta":{{{CLAIM}:{{}},"a":1.0}},"name":"t"}}"#);
        let caller = Caller::Modern(None);
        assert_eq!(params(Era::Modern, &own, &caller, &greeting("{}")), own);
        let stripped = params(Era::Legacy, &own, &caller, &greeting("{}"));
        assert_eq!(stripped, r#"{"_meta":{"a":1.0},"name":"t"}"#);
    }

    #[test]
    fn an_old_caller_gets_a_result_without_what_is_new() {
        let modern = r#"{"resultType":"complete","a":1.0, "ttlMs":5,"cacheScope":"public"}"#;
        let old = session("{}", None);
        assert_eq!(&*result(Era::Modern, modern, &old), r#"{"a":1.0}"#);
        assert_eq!(&*result(Era::Modern, modern, &Caller::Modern(None)), modern);
        assert_eq!(&*result(Era::Legacy, modern, &old), modern);
        let asks = r#"{"resultType":"input_required","requestState":"s"}"#;
        assert_eq!(&*result(Era::Modern, asks, &old), asks);
    }

    #[test]
    fn a_resource_that_is_not_there_has_the_code_of_the_callers_era() {
        let (old, new) = (
            r#"{"code":-32002,"data":{"uri":"u"}}"#,
            r#"{"code":-32602,"data":{"uri":"u"}}"#,
        );
        let session = session("{}", None);
        assert_eq!(&*error(new, true, &session), old);
        assert_eq!(&*error(new, false, &session), new);
        assert_eq!(&*error(old, true, &Caller::Modern(None)), new);
        let other = r#"{"code":-32602,"message":"m"}"#;
        assert_eq!(&*error(other, true, &session), other);
    }

    #[test]
    fn a_notification_loses_its_tie_and_nothing_else() {
        let tied = r#"{"uri":"u","_meta":{"io.modelcontextprotocol/subscriptionId":7}}"#;
        assert_eq!(unsubscribed(tied), r#"{"uri":"u"}"#);
        let more = r#"{"_meta":{"io.modelcontextprotocol/subscriptionId":7,"x":1.0}}"#;
        assert_eq!(unsubscribed(more), r#"{"_meta":{"x":1.0}}"#);
    }
}

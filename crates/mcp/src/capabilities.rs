//! What servers can do beside having lists, and what several of them can do together.

use crate::raw::{Object, quote};
use crate::version::Era;

/// The capabilities of one server, or of several together, as far as the origin serves them.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a capability of the protocol, and any may be there without the others"
)]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// It has prompts.
    pub prompts: bool,
    /// It has resources.
    pub resources: bool,
    /// It tells of changes of a resource to those who subscribed to it.
    pub subscribe: bool,
    /// It completes arguments.
    pub completions: bool,
    /// It sends log messages.
    pub logging: bool,
    /// It has tools. Without them nothing is asked for.
    pub tools: bool,
    /// Extensions by their identifiers, each with its settings as raw JSON (2026-07-28).
    pub extensions: Vec<(Box<str>, Box<str>)>,
}

impl Capabilities {
    /// Reads a `capabilities` object of either era; what is none has nothing.
    pub fn read(text: &str) -> Self {
        let Some(object) = Object::read(text) else {
            return Self::default();
        };
        let has = |key: &str| {
            object
                .find(key)
                .is_some_and(|member| member.value.starts_with('{'))
        };
        let resources = object
            .find("resources")
            .and_then(|member| Object::read(member.value));
        let extensions = object
            .find("extensions")
            .and_then(|member| Object::read(member.value));
        Self {
            tools: has("tools"),
            prompts: has("prompts"),
            subscribe: resources
                .as_ref()
                .and_then(|resources| resources.find("subscribe"))
                .is_some_and(|member| member.value == "true"),
            resources: resources.is_some(),
            completions: has("completions"),
            logging: has("logging"),
            extensions: extensions.map_or_else(Vec::new, |extensions| {
                let pairs = extensions.members();
                pairs
                    .map(|member| (member.key.as_ref().into(), member.value.into()))
                    .collect()
            }),
        }
    }

    /// Takes in what another server can do. Of one extension the settings of the first server stay.
    pub fn unite(&mut self, other: &Self) {
        self.tools |= other.tools;
        self.prompts |= other.prompts;
        self.resources |= other.resources;
        self.subscribe |= other.subscribe;
        self.completions |= other.completions;
        self.logging |= other.logging;
        for (name, settings) in &other.extensions {
            if !self.extensions.iter().any(|(known, _)| known == name) {
                self.extensions.push((name.clone(), settings.clone()));
            }
        }
    }

    /// Whether an extension is declared.
    pub fn has_extension(&self, name: &str) -> bool {
        self.extensions.iter().any(|(known, _)| **known == *name)
    }

    /// The object for clients. Tools are always there, for a server with some may come; every change of a list is noticed by
    /// the origin itself, so each list says so.
    pub(crate) fn to_json(&self, era: Era) -> String {
        let mut members = vec!["\"tools\":{\"listChanged\":true}".to_owned()];
        if self.prompts {
            members.push("\"prompts\":{\"listChanged\":true}".to_owned());
        }
        if self.resources {
            let subscribe = self.subscribe;
            members.push(format!(
                "\"resources\":{{\"listChanged\":true,\"subscribe\":{subscribe}}}"
            ));
        }
        if self.completions {
            members.push("\"completions\":{}".to_owned());
        }
        if self.logging {
            members.push("\"logging\":{}".to_owned());
        }
        if era == Era::Modern && !self.extensions.is_empty() {
            let extensions: Vec<String> = self
                .extensions
                .iter()
                .map(|(name, settings)| format!("{}:{settings}", quote(name)))
                .collect();
            members.push(format!("\"extensions\":{{{}}}", extensions.join(",")));
        }
        format!("{{{}}}", members.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: &str = r#"{"tools":{},"prompts":{},"resources":{"subscribe":true},"completions":{},"logging":{},"extensions":{"a/b":{"x":1.0}}}"#;

    #[test]
    fn what_a_server_has_is_read_and_passed_on() {
        let json = Capabilities::read(ALL).to_json(Era::Modern);
        let expected = r#"{"tools":{"listChanged":true},"prompts":{"listChanged":true},"resources":{"listChanged":true,"subscribe":true},"completions":{},"logging":{},"extensions":{"a/b":{"x":1.0}}}"#;
        assert_eq!(json, expected);
        assert!(
            !Capabilities::read(ALL)
                .to_json(Era::Legacy)
                .contains("extensions")
        );
    }

    #[test]
    fn several_servers_have_what_any_of_them_has() {
        let mut all = Capabilities::read(r#"{"prompts":{}}"#);
        all.unite(&Capabilities::read(r#"{"resources":{}}"#));
        assert!(all.prompts && all.resources && !all.subscribe && !all.completions);
        assert_eq!(Capabilities::read("7"), Capabilities::default());
    }
}

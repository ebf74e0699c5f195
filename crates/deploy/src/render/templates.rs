//! The templates: embedded, or an operator's own in their place.

use std::io::{Error, ErrorKind, Write};

use tera::Tera;

use super::RenderError;
use super::context::Fields;
use crate::words::is_safe_byte;

/// The texts that are filled: those inside this program, or others of the same names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Templates {
    texts: Vec<(&'static str, String)>,
}

impl Templates {
    /// The templates that this program carries.
    pub fn embedded() -> Self {
        Self {
            texts: EMBEDDED
                .iter()
                .map(|(name, text)| (*name, (*text).to_owned()))
                .collect(),
        }
    }

    /// These templates with others in their place. A name is that of a file in `nginx/templates`, as
    /// `http.conf.tera`, or of one in `systemd/templates` or `launchd/templates` after that folder, as
    /// `systemd/origin.service.tera`.
    ///
    /// # Errors
    /// A name that is no template's, with the nearest that is.
    pub fn with(
        mut self,
        texts: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, RenderError> {
        for (name, text) in texts {
            let Some(entry) = self.texts.iter_mut().find(|(known, _)| *known == name) else {
                let meant = findings::nearest(&name, Self::names());
                let meant = Self::names().find(|known| Some(*known) == meant);
                return Err(RenderError::Unknown { name, meant });
            };
            entry.1 = text;
        }
        Ok(self)
    }

    /// The names of all templates.
    pub fn names() -> impl Iterator<Item = &'static str> {
        EMBEDDED.iter().map(|(name, _)| *name)
    }

    /// Every template, read and ready to be filled.
    pub(super) fn compile(&self) -> Result<Filler, RenderError> {
        compile(self.texts.iter().map(|(name, text)| (*name, text.as_str())))
    }
}

/// Texts with their names, read and ready to be filled.
pub(super) fn compile<'t>(
    texts: impl IntoIterator<Item = (&'t str, &'t str)>,
) -> Result<Filler, RenderError> {
    let mut tera = Tera::new();
    tera.autoescape_on([""]);
    tera.set_escape_fn(refuse_unsafe);
    // `safe` would pass a value by the escape function
    tera.register_filter("safe", refuse_filter);
    tera.add_raw_templates(texts).map_err(RenderError::Syntax)?;
    Ok(Filler { tera })
}

/// Templates that have been read.
pub(super) struct Filler {
    tera: Tera,
}

impl Filler {
    /// Fills one template.
    pub(super) fn fill(&self, name: &'static str, fields: Fields) -> Result<String, RenderError> {
        self.tera
            .render(name, &fields.into_context())
            .map(|text| text.trim_end().to_owned() + "\n")
            .map_err(|source| RenderError::Fill { name, source })
    }
}

/// The second lock: a word has been checked already, and what it would have to be escaped for is refused here.
fn refuse_unsafe(text: &str, out: &mut dyn Write) -> std::io::Result<()> {
    if let Some(byte) = text.bytes().find(|byte| !is_safe_byte(*byte)) {
        let message = format!(
            "a value has the character `{}`, which no template value may have",
            char::from(byte).escape_debug()
        );
        return Err(Error::new(ErrorKind::InvalidData, message));
    }
    out.write_all(text.as_bytes())
}

fn refuse_filter(
    _: tera::Value,
    _: tera::Kwargs,
    _: &tera::State<'_>,
) -> tera::TeraResult<tera::Value> {
    Err(tera::Error::message(
        "the filter `safe` is not available: every value is checked where it is printed",
    ))
}

/// Name and text of every template.
const EMBEDDED: [(&str, &str); 34] = [
    (
        "head.tera",
        include_str!("../../../../nginx/templates/head.tera"),
    ),
    (
        "nginx.conf.tera",
        include_str!("../../../../nginx/templates/nginx.conf.tera"),
    ),
    (
        "main.conf.tera",
        include_str!("../../../../nginx/templates/main.conf.tera"),
    ),
    (
        "http.conf.tera",
        include_str!("../../../../nginx/templates/http.conf.tera"),
    ),
    (
        "site.conf.tera",
        include_str!("../../../../nginx/templates/site.conf.tera"),
    ),
    (
        "connection.conf.tera",
        include_str!("../../../../nginx/templates/connection.conf.tera"),
    ),
    (
        "tls.conf.tera",
        include_str!("../../../../nginx/templates/tls.conf.tera"),
    ),
    (
        "headers.conf.tera",
        include_str!("../../../../nginx/templates/headers.conf.tera"),
    ),
    (
        "proxy.conf.tera",
        include_str!("../../../../nginx/templates/proxy.conf.tera"),
    ),
    (
        "mcp-errors.conf.tera",
        include_str!("../../../../nginx/templates/mcp-errors.conf.tera"),
    ),
    (
        "api-errors.conf.tera",
        include_str!("../../../../nginx/templates/api-errors.conf.tera"),
    ),
    (
        "cors.tera",
        include_str!("../../../../nginx/templates/cors.tera"),
    ),
    (
        "matching.tera",
        include_str!("../../../../nginx/templates/matching.tera"),
    ),
    (
        "errors.conf.tera",
        include_str!("../../../../nginx/templates/errors.conf.tera"),
    ),
    (
        "snippets-readme.tera",
        include_str!("../../../../nginx/templates/snippets-readme.tera"),
    ),
    (
        "generation.conf.tera",
        include_str!("../../../../nginx/templates/generation.conf.tera"),
    ),
    (
        "stream.conf.tera",
        include_str!("../../../../nginx/templates/stream.conf.tera"),
    ),
    (
        "passthrough-http.conf.tera",
        include_str!("../../../../nginx/templates/passthrough-http.conf.tera"),
    ),
    (
        "maps.tera",
        include_str!("../../../../nginx/templates/maps.tera"),
    ),
    (
        "timestamp.tera",
        include_str!("../../../../nginx/templates/timestamp.tera"),
    ),
    (
        "plain.tera",
        include_str!("../../../../nginx/templates/plain.tera"),
    ),
    (
        "systemd/unit-head.tera",
        include_str!("../../../../systemd/templates/unit-head.tera"),
    ),
    (
        "systemd/origin.service.tera",
        include_str!("../../../../systemd/templates/origin.service.tera"),
    ),
    (
        "systemd/origin.socket.tera",
        include_str!("../../../../systemd/templates/origin.socket.tera"),
    ),
    (
        "systemd/server.service.tera",
        include_str!("../../../../systemd/templates/server.service.tera"),
    ),
    (
        "systemd/server.socket.tera",
        include_str!("../../../../systemd/templates/server.socket.tera"),
    ),
    (
        "systemd/nginx-drop-in.conf.tera",
        include_str!("../../../../systemd/templates/nginx-drop-in.conf.tera"),
    ),
    (
        "systemd/sysusers.conf.tera",
        include_str!("../../../../systemd/templates/sysusers.conf.tera"),
    ),
    (
        "systemd/tmpfiles.conf.tera",
        include_str!("../../../../systemd/templates/tmpfiles.conf.tera"),
    ),
    (
        "launchd/plist-head.tera",
        include_str!("../../../../launchd/templates/plist-head.tera"),
    ),
    (
        "launchd/origin.plist.tera",
        include_str!("../../../../launchd/templates/origin.plist.tera"),
    ),
    (
        "launchd/server.plist.tera",
        include_str!("../../../../launchd/templates/server.plist.tera"),
    ),
    (
        "launchd/start.tera",
        include_str!("../../../../launchd/templates/start.tera"),
    ),
    (
        "launchd/newsyslog.conf.tera",
        include_str!("../../../../launchd/templates/newsyslog.conf.tera"),
    ),
];

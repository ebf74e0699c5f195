//! The templates: embedded, or somebody's own in their place.

use findings::nearest;
use tera::{EscapeFn, Tera};

use crate::fields::Fields;

/// The texts that are filled: those inside this program, or others of the same names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Templates {
    texts: Vec<(&'static str, String)>,
}

/// What is wrong with a template.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// A file that takes no template's place.
    #[error("`{name}` is the name of no template{}", meant.map(|meant| format!("; `{meant}` is")).unwrap_or_default())]
    Unknown {
        /// The name given.
        name: String,
        /// The nearest that is known.
        meant: Option<&'static str>,
    },
    /// A template cannot be read.
    #[error("a template cannot be read")]
    Syntax(#[source] tera::Error),
    /// A template cannot be filled.
    #[error("the template `{name}` cannot be filled")]
    Fill {
        /// The template.
        name: &'static str,
        /// Why.
        source: tera::Error,
    },
}

impl Templates {
    /// The templates that this program carries.
    pub fn embedded() -> Self {
        let texts = EMBEDDED
            .iter()
            .map(|(name, text)| (*name, (*text).to_owned()));
        Self {
            texts: texts.collect(),
        }
    }

    /// These templates with others in their place. A name is that of a file below `wrappers/templates`, as `bash/tool.tera`.
    ///
    /// # Errors
    /// [`TemplateError::Unknown`].
    pub fn with(
        mut self,
        texts: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, TemplateError> {
        for (name, text) in texts {
            let names = || EMBEDDED.iter().map(|(name, _)| *name);
            let Some(entry) = self.texts.iter_mut().find(|(known, _)| *known == name) else {
                let meant = nearest(&name, names());
                let meant = names().find(|known| Some(*known) == meant);
                return Err(TemplateError::Unknown { name, meant });
            };
            entry.1 = text;
        }
        Ok(self)
    }

    /// Every template, read and ready to be filled. `escape` makes a literal of the target language of a text, quotes included.
    pub(crate) fn compile(&self, escape: EscapeFn) -> Result<Filler, TemplateError> {
        let mut tera = Tera::new();
        tera.autoescape_on([""]);
        tera.set_escape_fn(escape);
        // `safe` would print a stranger's text as it is
        tera.register_filter("safe", refuse_filter);
        tera.add_raw_templates(self.texts.iter().map(|(name, text)| (*name, text.as_str())))
            .map_err(TemplateError::Syntax)?;
        Ok(Filler(tera))
    }
}

/// Templates that have been read.
pub(crate) struct Filler(Tera);

impl Filler {
    /// Fills one template.
    pub(crate) fn fill(&self, name: &'static str, fields: Fields) -> Result<String, TemplateError> {
        let text = self.0.render(name, &fields.into_context());
        text.map(|text| text.trim_end().to_owned() + "\n")
            .map_err(|source| TemplateError::Fill { name, source })
    }
}

fn refuse_filter(
    _: tera::Value,
    _: tera::Kwargs,
    _: &tera::State<'_>,
) -> tera::TeraResult<tera::Value> {
    Err(tera::Error::message(
        "the filter `safe` is not available: what a catalog says is printed as a literal only",
    ))
}

/// Name and text of every template.
const EMBEDDED: [(&str, &str); 7] = [
    (
        "bash/tool.tera",
        include_str!("../../../wrappers/templates/bash/tool.tera"),
    ),
    (
        "cli/program.tera",
        include_str!("../../../wrappers/templates/cli/program.tera"),
    ),
    (
        "skill/SKILL.tera",
        include_str!("../../../wrappers/templates/skill/SKILL.tera"),
    ),
    (
        "python/body.tera",
        include_str!("../../../wrappers/templates/python/body.tera"),
    ),
    (
        "python/client.tera",
        include_str!("../../../wrappers/templates/python/client.tera"),
    ),
    (
        "python/package.tera",
        include_str!("../../../wrappers/templates/python/package.tera"),
    ),
    (
        "python/service.tera",
        include_str!("../../../wrappers/templates/python/service.tera"),
    ),
];

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use super::*;
    use crate::quote::escape_python;

    fn filled(template: &str) -> Result<String, TemplateError> {
        let own = [("bash/tool.tera".to_owned(), template.to_owned())];
        let templates = Templates::embedded().with(own)?;
        let fields = Fields::default().data("text", "a\"b").code("made", "a\"b");
        templates
            .compile(escape_python)?
            .fill("bash/tool.tera", fields)
    }

    #[test]
    fn data_is_a_literal_and_code_is_itself() {
        assert_eq!(
            filled("{{ text }} {{ made }}").unwrap(),
            "\"a\\\"b\" a\"b\n"
        );
    }

    #[test]
    fn a_template_cannot_print_a_strangers_text_as_it_is() {
        let error = filled("{{ text | safe }}").unwrap_err();
        let cause = error.source().expect("tera's own").to_string();
        assert!(cause.contains("not available"), "{cause}");
    }

    #[test]
    fn a_name_that_is_no_templates_is_refused_with_the_nearest() {
        let own = [("bash/tol.tera".to_owned(), String::new())];
        let error = Templates::embedded().with(own).unwrap_err().to_string();
        assert!(error.ends_with("`bash/tool.tera` is"), "{error}");
    }
}

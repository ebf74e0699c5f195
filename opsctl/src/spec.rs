//! The spec file: read once, its lines at hand for every finding.

use std::io::ErrorKind;
use std::path::Path;

use deploy::words::Name;
use deploy::{Deployment, Facts, Layout, Spec, Target};
use findings::{Document, Finding, Node, Report, Severity, Value};

use crate::error::CommandError;
use crate::exit::Exit;
use crate::host::files;
use crate::ui::Ui;
use crate::ui::findings::{Source, human};

/// A spec file and its text.
#[derive(Debug)]
pub(crate) struct SpecFile {
    /// Its name, as the person gave it.
    pub(crate) name: String,
    /// Its text.
    pub(crate) text: String,
    document: Document,
}

impl SpecFile {
    /// Reads it.
    ///
    /// # Errors
    /// Exit 10 when there is no such file.
    pub(crate) fn read(path: &Path) -> Result<Self, CommandError> {
        let name = path.display().to_string();
        let text = files::read_text(path).map_err(|error| {
            let message = format!("the spec `{name}` cannot be read: {}", error.source);
            let hint = match error.source.kind() {
                ErrorKind::InvalidData => "a spec is a TOML file in UTF-8: see `specs/full.toml`",
                _ => "`opsctl init` writes one; `--spec FILE` names another",
            };
            CommandError::finding(Exit::Spec, Finding::error("spec.file", message).hint(hint))
        })?;
        Ok(Self::from_text(name, text))
    }

    /// The same from a text that is in memory.
    pub(crate) fn from_text(name: String, text: String) -> Self {
        Self {
            // syntax errors are reported where the spec is parsed
            document: Document::parse(&text, &name, &mut Report::new()),
            name,
            text,
        }
    }

    /// The text for findings.
    pub(crate) fn source(&self) -> Source<'_> {
        Source::new(&self.name, &self.text)
    }

    /// Parses it.
    ///
    /// # Errors
    /// Exit 10 with everything that is wrong.
    pub(crate) fn parse(&self) -> Result<(Spec, Report), CommandError> {
        let (spec, report) = deploy::parse(&self.text, &self.name);
        match spec {
            Some(spec) => Ok((spec, report)),
            None => Err(CommandError::found(Exit::Spec, report)),
        }
    }

    /// The name of the deployment, whatever else is wrong with the spec.
    pub(crate) fn deployment(&self) -> Option<Name> {
        match &child(self.document.root(), "name")?.value {
            Value::String(name) => name.parse().ok(),
            _ => None,
        }
    }

    /// The key path of a key of a site: `tls.certificate`, or `sites[1].tls.certificate` in the long form.
    pub(crate) fn site_key(&self, site: usize, key: &str) -> String {
        if child(self.document.root(), "sites").is_some() {
            format!("sites[{site}].{key}")
        } else {
            key.to_owned()
        }
    }

    /// A finding at a key path, with the line of that key or of the nearest table around it that is in the file.
    pub(crate) fn place(&self, path: &str, finding: Finding) -> Finding {
        let mut node = self.document.root();
        for part in path.split('.') {
            let (key, index) = match part.trim_end_matches(']').split_once('[') {
                Some((key, index)) => (key, index.parse::<usize>().ok()),
                None => (part, None),
            };
            let Some(next) = child(node, key).and_then(|found| match (index, &found.value) {
                (Some(index), Value::Array(items)) => items.get(index),
                _ => Some(found),
            }) else {
                break;
            };
            node = next;
        }
        finding.at(path).placed(&node.place)
    }
}

fn child<'n>(node: &'n Node, key: &str) -> Option<&'n Node> {
    let Value::Table(entries) = &node.value else {
        return None;
    };
    entries
        .iter()
        .find(|(name, _)| name == key)
        .map(|(_, node)| node)
}

/// Settles a spec for an NGINX and a layout, and says what is to be known about it.
///
/// # Errors
/// Exit 10 with everything that is wrong; exit 17 where only the NGINX is.
pub(crate) fn resolve(
    file: &SpecFile,
    (spec, mut report): (Spec, Report),
    target: Target,
    layout: Layout,
    ui: &mut Ui,
) -> Result<Deployment, CommandError> {
    let (deployment, more) = deploy::resolve(
        &spec,
        &Facts {
            nginx: target,
            layout,
        },
    );
    report.append(more);
    if let Some(deployment) = deployment {
        if !report.is_empty() {
            ui.say(human(&report, Some(&file.source()), ui.paint_talk()).trim_end());
        }
        return Ok(deployment);
    }
    let only_target = report
        .findings()
        .iter()
        .filter(|finding| finding.severity == Severity::Error)
        .all(|finding| finding.id.starts_with("target."));
    let exit = if only_target {
        Exit::Prerequisite
    } else {
        Exit::Spec
    };
    Err(CommandError::found(exit, report))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> SpecFile {
        SpecFile::from_text("deploy.toml".into(), text.into())
    }

    #[test]
    fn a_later_finding_has_the_line_of_its_key() {
        let short = file("name = \"x\"\n[tls]\ncertificate = \"/c\"\n");
        let key = short.site_key(0, "tls.certificate");
        let finding = short.place(&key, Finding::error("a", "b"));
        assert_eq!(
            (finding.path.as_deref(), finding.line),
            (Some("tls.certificate"), Some(3))
        );
        let long = file(
            "[[sites]]\nname = \"a\"\n[[sites]]\nname = \"b\"\n[sites.tls]\ncertificate = \"/c\"\n",
        );
        let key = long.site_key(1, "tls.certificate");
        assert_eq!(long.place(&key, Finding::error("a", "b")).line, Some(6));
    }

    #[test]
    fn a_key_that_is_a_default_is_placed_at_its_table() {
        let file = file("name = \"x\"\n[edge]\nlisten = []\n");
        assert_eq!(
            file.place("edge.https_port", Finding::error("a", "b")).line,
            Some(2)
        );
    }
}

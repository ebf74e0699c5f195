//! What the last apply rendered and installed: the memory that tells a hand's change from ours.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::content::Ownership;
use super::head::is_same;
use crate::deployment::Deployment;
use crate::layout::Paths;
use crate::render::{Component, Rendered, RenderedDirectory, RenderedFile};
use crate::words::{GenerationId, Name};

/// What the last apply rendered and installed. It is one of the files that an apply writes, so that it comes and goes
/// with them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    /// [`Baseline::FORMAT`].
    pub format: u32,
    /// The version of opsctl that wrote it.
    pub opsctl: String,
    /// The deployment.
    pub deployment: Name,
    /// The generation of the whole.
    pub generation: GenerationId,
    /// The files, by path.
    pub files: BTreeMap<String, BaseFile>,
    /// The folders, by path.
    pub folders: BTreeMap<String, BaseFolder>,
    /// The digests of the operator's snippets, by path, as they were when NGINX last read them.
    pub snippets: BTreeMap<String, String>,
}

/// One file of the last rendering.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BaseFile {
    /// As it was rendered, which is not what is on the machine where a hand has edited it.
    pub text: String,
    /// The rendered permission bits.
    pub mode: u32,
    /// The rendered owner.
    pub owner: Ownership,
    /// Who reads it.
    pub component: Component,
    /// The digest of what was on the machine after the apply; nothing where a hand had deleted it.
    pub installed: Option<String>,
}

/// One folder of the last rendering, or above it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BaseFolder {
    /// The rendered permission bits.
    pub mode: u32,
    /// The rendered owner.
    pub owner: Ownership,
    /// An apply made it, so that it may go again.
    pub made: bool,
}

/// Why a baseline cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BaselineError {
    /// It is no baseline.
    #[error("it is not what opsctl writes")]
    Syntax(#[source] serde_json::Error),
    /// A later opsctl wrote it.
    #[error("opsctl {0} wrote it in a later format")]
    Later(String),
}

impl Baseline {
    /// The number of this format.
    pub const FORMAT: u32 = 1;

    /// The memory of a deployment of which nothing was ever applied.
    pub fn empty(deployment: &Deployment) -> Self {
        Self {
            format: Self::FORMAT,
            opsctl: env!("CARGO_PKG_VERSION").to_owned(),
            deployment: deployment.name.clone(),
            generation: deployment.generation.clone(),
            files: BTreeMap::new(),
            folders: BTreeMap::new(),
            snippets: BTreeMap::new(),
        }
    }

    /// Where it is kept: in a folder that root alone can enter, since `origin.toml` may hold secrets.
    pub fn path(paths: &Paths) -> String {
        format!("{}/baseline.json", paths.state)
    }

    /// Reads one.
    ///
    /// # Errors
    /// [`BaselineError`] when the text is none, or one of a later format.
    pub fn read(text: &str) -> Result<Self, BaselineError> {
        let value: serde_json::Value = serde_json::from_str(text).map_err(BaselineError::Syntax)?;
        if value["format"]
            .as_u64()
            .is_some_and(|format| format > u64::from(Self::FORMAT))
        {
            let by = value["opsctl"].as_str().unwrap_or("of an unknown version");
            return Err(BaselineError::Later(by.to_owned()));
        }
        serde_json::from_value(value).map_err(BaselineError::Syntax)
    }

    /// As it is written.
    pub fn write(&self) -> String {
        // strings, numbers and maps with text keys: nothing in it can fail
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// Gives a deployment the names under which its parts run with these files, whatever the spec would be named now.
    pub fn name(&self, deployment: &mut Deployment) {
        deployment.generation = self.generation.clone();
        for file in self.files.values() {
            match &file.component {
                Component::Edge => {
                    let named = between(&file.text, "return 200 \"", "\\n\";");
                    if let Some(generation) = named.and_then(|name| name.parse().ok()) {
                        deployment.edge.generation = generation;
                    }
                }
                Component::Origin(name) => {
                    let named = between(&file.text, "\ngeneration = \"", "\"");
                    let site = deployment.sites.iter_mut().find(|site| site.name == *name);
                    if let (Some(site), Some(generation)) = (site, named) {
                        generation.clone_into(&mut site.origin.generation);
                    }
                }
                Component::Services => {}
            }
        }
    }

    /// The rendering that it stands for, to plan a way back to it.
    pub fn rendered(&self) -> Rendered {
        Rendered {
            files: self
                .files
                .iter()
                .map(|(path, file)| RenderedFile {
                    path: path.clone(),
                    contents: file.text.clone(),
                    mode: file.mode,
                    owner: file.owner.as_rendered(),
                    component: file.component.clone(),
                })
                .collect(),
            directories: self
                .folders
                .iter()
                .map(|(path, folder)| RenderedDirectory {
                    path: path.clone(),
                    mode: folder.mode,
                    owner: folder.owner.as_rendered(),
                })
                .collect(),
        }
    }
}

fn between<'t>(text: &'t str, before: &str, after: &str) -> Option<&'t str> {
    let (_, rest) = text.split_once(before)?;
    Some(rest.split_once(after)?.0)
}

impl BaseFile {
    /// Whether a text is this one, whatever generation their heads name.
    pub(super) fn has_text(&self, text: &str) -> bool {
        is_same(&self.text, text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Goal, Inventory, Options, plan};
    use crate::{Facts, Layout, Target, Templates, parse, render, resolve};

    fn deployment(more: &str) -> Deployment {
        let text = format!(
            "name = \"demo\"\nserver_names = [\"localhost\"]\ntls = {{ self_signed = true }}\n{more}"
        );
        let facts = Facts {
            nginx: Target::named("1.28.3").expect("a version"),
            layout: Layout::Debian,
        };
        let (spec, _) = parse(&text, "deploy.toml");
        let (deployment, report) = resolve(&spec.expect("a good spec"), &facts);
        deployment.unwrap_or_else(|| panic!("{report}"))
    }

    #[test]
    fn a_way_back_expects_the_names_that_its_files_give() {
        let before = deployment("");
        let rendered = render(&before, &Templates::embedded()).expect("good templates");
        let goal = Goal::of(&before, &rendered);
        let plan = plan(&Inventory::default(), goal, Options::default()).expect("no conflicts");
        let memory = plan
            .changes()
            .find(|change| change.path == Baseline::path(&before.paths));
        let digest = memory
            .and_then(|change| change.after.digest())
            .expect("it is written");
        let baseline = Baseline::read(&plan.texts[digest]).expect("our own");
        assert_eq!(baseline.rendered().files, rendered.files);
        let mut now = deployment("[edge]\nhttp_port = 0\n[origin]\ngraceful_timeout = \"9s\"\n");
        assert!(now.edge.generation != before.edge.generation);
        baseline.name(&mut now);
        assert_eq!(now.generation, before.generation);
        assert_eq!(now.edge.generation, before.edge.generation);
        assert_eq!(
            now.sites[0].origin.generation,
            before.sites[0].origin.generation
        );
    }
}

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

impl BaseFile {
    /// Whether a text is this one, whatever generation their heads name.
    pub(super) fn has_text(&self, text: &str) -> bool {
        is_same(&self.text, text)
    }
}

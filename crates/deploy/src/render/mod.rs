//! From a deployment to the files of its machine.

mod context;
mod edge;
mod launchd;
mod origin;
mod passthrough;
mod policy;
mod runbook;
mod services;
mod templates;
mod units;

use serde::{Deserialize, Serialize};

use crate::deployment::Deployment;
use crate::layout::Layout;
use crate::words::{Account, Name};

pub use runbook::runbook;
pub use templates::Templates;

/// Every file and folder of a deployment, sorted by path.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rendered {
    /// The files.
    pub files: Vec<RenderedFile>,
    /// Folders that have to exist beside those of the files, parents first.
    pub directories: Vec<RenderedDirectory>,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenderedFile {
    /// Absolute, on the target machine.
    pub path: String,
    /// The whole text; ends with a line feed.
    pub contents: String,
    /// The permission bits, as `0o644`.
    pub mode: u32,
    /// Whose it is; none: whoever writes it (the private layout without a worker user).
    pub owner: Option<Owner>,
    /// What has to take notice when it changes.
    pub component: Component,
}

/// One folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenderedDirectory {
    /// Absolute, on the target machine.
    pub path: String,
    /// The permission bits, as `0o755`.
    pub mode: u32,
    /// Whose it is; none: whoever makes it.
    pub owner: Option<Owner>,
}

/// A user and a group, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// The user.
    pub user: Account,
    /// The group.
    pub group: Account,
}

impl Owner {
    /// What the administrator owns.
    pub(crate) fn root() -> Self {
        Self::named("root", "root")
    }

    /// A user and a group that are constants of this program or checked names.
    pub(crate) fn named(user: &str, group: &str) -> Self {
        Self {
            user: Account::constant(user),
            group: Account::constant(group),
        }
    }
}

/// The part of a deployment that a file belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Component {
    /// NGINX: a reload takes it up.
    Edge,
    /// The origin of this site.
    Origin(Name),
    /// The service manager: units, accounts, run-time folders.
    Services,
}

/// Why nothing was rendered: a template is at fault, never the deployment.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// A template that is given and not known.
    #[error("template `{name}` is not known{}", .meant.map(|name| format!(": did you mean `{name}`?")).unwrap_or_default())]
    Unknown {
        /// Its name.
        name: String,
        /// The nearest known one.
        meant: Option<&'static str>,
    },
    /// A template that is no template.
    #[error("the templates cannot be read")]
    Syntax(#[source] tera::Error),
    /// A template that cannot be filled.
    #[error("template `{name}` cannot be filled")]
    Fill {
        /// Its name.
        name: &'static str,
        /// Why.
        #[source]
        source: tera::Error,
    },
}

/// Fills the templates. Same deployment and templates, same bytes.
///
/// # Errors
/// [`RenderError`] names the template at fault.
pub fn render(deployment: &Deployment, templates: &Templates) -> Result<Rendered, RenderError> {
    let filler = templates.compile()?;
    let mut rendered = Rendered::default();
    edge::render(deployment, &filler, &mut rendered)?;
    origin::render(deployment, &mut rendered);
    match &deployment.layout {
        Layout::Debian => services::render(deployment, &filler, &mut rendered)?,
        Layout::MacOs(mac) => launchd::render(deployment, mac, &filler, &mut rendered)?,
        // it runs in the foreground
        Layout::Private(_) => {}
    }
    rendered.files.sort_by(|a, b| a.path.cmp(&b.path));
    rendered.directories.sort_by(|a, b| a.path.cmp(&b.path));
    rendered.directories.dedup();
    Ok(rendered)
}

#[cfg(test)]
mod tests;

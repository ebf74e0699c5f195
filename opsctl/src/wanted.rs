//! What the spec wants of a machine: the deployment, settled for the machine's NGINX, and its files.

use std::path::Path;

use deploy::{Deployment, Layout, Os, Rendered, Target, render};

use crate::commands::templates;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::spec::{SpecFile, resolve};
use crate::ui::Ui;

/// A spec, settled and rendered.
#[derive(Debug)]
pub(crate) struct Wanted {
    /// The file.
    pub(crate) file: SpecFile,
    /// What it says, without a choice left.
    pub(crate) deployment: Deployment,
    /// The files.
    pub(crate) rendered: Rendered,
}

impl Wanted {
    /// Settles and renders a spec for an operating system and an NGINX, with the templates of a folder where one is named.
    pub(crate) fn of(
        file: SpecFile,
        (os, target): (Os, Target),
        folder: Option<&Path>,
        ui: &mut Ui,
    ) -> Result<Self, CommandError> {
        let parsed = file.parse()?;
        let templates = templates(folder)?;
        let layout = Layout::of(os, &parsed.0);
        let deployment = resolve(&file, parsed, target, layout, ui)?;
        let rendered = render(&deployment, &templates)
            .map_err(|error| CommandError::new(Exit::Rejected, error))?;
        Ok(Self {
            file,
            deployment,
            rendered,
        })
    }
}

//! The origins' own configuration, written by the schema that reads it, and the folders of their certificates.

use super::{Component, Owner, Rendered, RenderedDirectory, RenderedFile};
use crate::deployment::{Deployment, ShownBy, Site};
use crate::layout::Layout;

/// Adds `origin.toml` of every site.
pub(super) fn render(deployment: &Deployment, rendered: &mut Rendered) {
    for site in &deployment.sites {
        rendered.files.push(RenderedFile {
            path: site.origin_toml_path.to_string(),
            contents: origin_config::write(&site.origin, &heading(deployment, site)),
            // an environment of a server may hold a secret
            mode: if deployment.layout == Layout::Debian {
                0o640
            } else {
                0o600
            },
            owner: owner(deployment, site),
            component: Component::Origin(site.name.clone()),
        });
        if let Some(folder) = site.certificate.folder() {
            rendered.directories.push(RenderedDirectory {
                path: folder.to_string(),
                mode: 0o750,
                owner: match site.certificate.shown_by {
                    ShownBy::Edge => deployment.layout.file_owner(),
                    ShownBy::Origin => owner(deployment, site),
                },
            });
        }
    }
}

/// Who may read what may be secret: the origin.
fn owner(deployment: &Deployment, site: &Site) -> Option<Owner> {
    match &deployment.layout {
        Layout::Debian => Some(Owner::named("root", site.name.as_str())),
        Layout::Private(_) => None,
        Layout::MacOs(mac) => {
            let user = mac.user(&site.name)?;
            Some(Owner::named(user.as_str(), "wheel"))
        }
    }
}

fn heading(deployment: &Deployment, site: &Site) -> String {
    format!(
        "The origin of site {}.\nRendered by opsctl from {}, generation {}.\nopsctl keeps what is edited here by hand and \
         merges it; better places are the spec, and ORIGIN_… variables of the unit.",
        site.name, deployment.spec_file, deployment.generation
    )
}

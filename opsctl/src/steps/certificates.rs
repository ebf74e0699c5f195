//! Certificates for development are made as a part of the plan, so that they come and go with it.

use std::path::Path;

use deploy::plan::{Change, Content, Ownership, Plan, Step, Why};
use deploy::{CertificateKind, Deployment};

use crate::certificate;
use crate::error::{CommandError, HostError};
use crate::exit::Exit;
use crate::host::{self, content};

/// Adds the files of certificates that have to be made, after the folders and before everything else.
pub(crate) fn add_certificates(
    plan: &mut Plan,
    deployment: &Deployment,
    root: &Path,
) -> Result<(), CommandError> {
    let made = certificate::made(deployment, certificate::authority_of, root, host::now())
        .map_err(|error| CommandError::new(Exit::Unexpected, error))?;
    let mut steps = Vec::new();
    for file in made {
        let path = file.path.display().to_string();
        let after = Content::file(file.text.as_bytes(), file.mode, root_owned(deployment));
        if let Some(digest) = after.digest() {
            plan.texts.insert(digest.to_owned(), file.text);
        }
        let before = content::at(root, &path).map_err(HostError::on("read", &path))?;
        plan.expects.insert(path.clone(), before.clone());
        steps.push(Step::Change(Change {
            path,
            before,
            after,
            component: None,
            why: Why::Certificate,
        }));
    }
    let place = plan.steps.iter().position(|step| {
        !matches!(step, Step::Change(change) if matches!(change.after, Content::Folder { .. }))
    });
    let place = place.unwrap_or(plan.steps.len());
    plan.steps.splice(place..place, steps);
    Ok(())
}

/// Adds the removal of certificates that opsctl made, with the folders that they were alone in.
pub(crate) fn remove_certificates(
    plan: &mut Plan,
    deployment: &Deployment,
    root: &Path,
) -> Result<(), CommandError> {
    let sites = deployment.sites.iter();
    for site in sites.filter(|site| site.certificate.kind == CertificateKind::SelfSigned) {
        let certificate = &site.certificate;
        let paths = [
            certificate::authority_of(site).display().to_string(),
            certificate.chain_path.to_string(),
            certificate.key_path.to_string(),
        ];
        for path in paths {
            let before = content::at(root, &path).map_err(HostError::on("read", &path))?;
            if !matches!(before, Content::File { .. }) {
                continue;
            }
            plan.steps.push(Step::Change(Change {
                path,
                before,
                after: Content::Absent,
                component: None,
                why: Why::Retired,
            }));
        }
    }
    Ok(())
}

fn root_owned(deployment: &Deployment) -> Ownership {
    match deployment.layout.private() {
        Some(_) => Ownership::Writer,
        None => Ownership::Names("root".to_owned(), "root".to_owned()),
    }
}

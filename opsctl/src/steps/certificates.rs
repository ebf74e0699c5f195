//! Certificates as a part of the plan, so that they come and go with it: those for development are made, and those of an ACME
//! server are got.

use std::collections::BTreeMap;
use std::path::Path;

use deploy::acme::Acme;
use deploy::plan::{Change, Content, Issue, Ownership, Plan, Step, Verb, Why};
use deploy::words::Name;
use deploy::{CertificateKind, Deployment, Site};

use crate::acme::{self, Standing};
use crate::certificate;
use crate::error::{CommandError, HostError};
use crate::exit::Exit;
use crate::ground::Ground;
use crate::host::{self, content};
use crate::survey::NGINX;

/// Adds what is to be done for certificates: those that have to be made, after the folders and before everything else, and
/// those that certbot has or has to get.
pub(crate) fn add_certificates(
    plan: &mut Plan,
    deployment: &Deployment,
    ground: &Ground,
) -> Result<(), CommandError> {
    let mut wanted = Wanted::default();
    made(deployment, &ground.root, &mut wanted)?;
    for site in &deployment.sites {
        if let Some(acme) = site.certificate.kind.acme() {
            got(deployment, site, acme, ground, &mut wanted)?;
        }
    }
    let news = wanted
        .changes
        .iter()
        .any(|change| change.why == Why::Issued);
    plan.texts.extend(wanted.texts);
    let place = plan.steps.iter().position(|step| {
        !matches!(step, Step::Change(change) if matches!(change.after, Content::Folder { .. }))
    });
    let place = place.unwrap_or(plan.steps.len());
    let changes = wanted.changes.into_iter().map(Step::Change);
    plan.steps.splice(place..place, changes);
    let reads = plan.services().any(|(verb, unit)| {
        unit == NGINX && matches!(verb, Verb::Reload | Verb::Start | Verb::Restart)
    });
    if !wanted.issues.is_empty() || (news && !reads && ground.is_live()) {
        plan.steps
            .extend(wanted.issues.into_iter().map(Step::Issue));
        plan.steps.push(reload());
    }
    Ok(())
}

/// The step after which NGINX shows a new certificate.
pub(crate) fn reload() -> Step {
    Step::Units {
        verb: Verb::Reload,
        units: vec![NGINX.to_owned()],
        why: "the certificate is new".to_owned(),
    }
}

/// What a plan lacks for its certificates.
#[derive(Default)]
struct Wanted {
    changes: Vec<Change>,
    texts: BTreeMap<String, String>,
    issues: Vec<Issue>,
}

impl Wanted {
    fn write(&mut self, change: Change, text: String) {
        let digest = change.after.digest().map(str::to_owned);
        self.texts.extend(digest.map(|digest| (digest, text)));
        self.changes.push(change);
    }
}

/// Certificates for development.
fn made(deployment: &Deployment, root: &Path, wanted: &mut Wanted) -> Result<(), CommandError> {
    let made = certificate::made(deployment, certificate::authority_of, root, host::now())
        .map_err(|error| CommandError::new(Exit::Unexpected, error))?;
    for file in made {
        let path = file.path.display().to_string();
        let change = Change {
            before: content::at(root, &path).map_err(HostError::on("read", &path))?,
            after: Content::file(
                file.text.as_bytes(),
                file.mode,
                owner(deployment, file.group.as_ref()),
            ),
            component: None,
            why: Why::Certificate,
            path,
        };
        wanted.write(change, file.text);
    }
    Ok(())
}

/// A certificate of an ACME server: what certbot keeps, or a placeholder until it has one. A tree for another machine gets
/// the placeholder alone.
fn got(
    deployment: &Deployment,
    site: &Site,
    acme: &Acme,
    ground: &Ground,
    wanted: &mut Wanted,
) -> Result<(), CommandError> {
    let (chain, key) = (&site.certificate.chain_path, &site.certificate.key_path);
    let root = ground.root.as_path();
    let why = match acme::standing(site, acme, root, host::since_epoch()) {
        Standing::Good => return Ok(()),
        Standing::Newer(kept) => {
            let paths = [chain.as_str(), key.as_str()];
            let (changes, texts) = acme::installation(root, &site.name, paths, kept)?;
            wanted.changes.extend(changes);
            wanted.texts.extend(texts);
            return Ok(());
        }
        Standing::Lacking(why) => why,
    };
    if !acme::has_any(site, root) {
        let placeholder = certificate::placeholder(site, host::now())
            .map_err(|error| CommandError::new(Exit::Unexpected, error))?;
        for (path, text) in [(chain, placeholder.chain), (key, placeholder.key)] {
            let path = path.as_str();
            let change = acme::change(root, &site.name, path, &text, Why::Placeholder)?;
            wanted.write(change, text);
        }
    }
    if let Some(http) = deployment.edge.http.first().filter(|_| ground.is_live()) {
        wanted.issues.push(Issue {
            site: site.name.clone(),
            names: site.server_names.iter().map(ToString::to_string).collect(),
            http: *http,
            command: acme.command(&deployment.name, site),
            chain: chain.to_string(),
            key: key.to_string(),
            why,
        });
    }
    Ok(())
}

/// Adds the removal of certificates that opsctl made, and of copies of certbot's.
pub(crate) fn remove_certificates(
    plan: &mut Plan,
    deployment: &Deployment,
    root: &Path,
) -> Result<(), CommandError> {
    let sites = deployment.sites.iter();
    for site in sites.filter(|site| site.certificate.kind != CertificateKind::Given) {
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

fn owner(deployment: &Deployment, group: Option<&Name>) -> Ownership {
    if deployment.layout.private().is_some() {
        return Ownership::Writer;
    }
    let group = group.map_or("root", Name::as_str);
    Ownership::Names("root".to_owned(), group.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::services::Services;
    use crate::made_up;
    use crate::state::State;

    /// The steps for a deployment with an ACME server, on this machine or in a tree.
    fn steps(root: &Path, services: Services) -> Vec<String> {
        let deployment = made_up::acme();
        let ground = Ground {
            root: root.to_owned(),
            state: State::of(root, &deployment.name),
            services,
        };
        let mut plan = made_up::empty_plan();
        add_certificates(&mut plan, &deployment, &ground).expect("planned");
        plan.steps.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_placeholder_stands_before_certbot_is_asked_and_nginx_reads_again_after_it() {
        let root = tempfile::tempdir().expect("a folder");
        let live = || Services::Systemctl("systemctl".into());
        let [chain, key, issue, reload] = &steps(root.path(), live())[..] else {
            panic!("four steps");
        };
        assert!(
            chain.contains("/etc/demo/tls/chain.pem (a placeholder"),
            "{chain}"
        );
        assert!(key.contains("0640 root:demo"), "{key}");
        assert!(
            issue.contains("a.example by certbot (there is none yet)"),
            "{issue}"
        );
        assert_eq!(reload, "reload nginx.service (the certificate is new)");
        assert_eq!(steps(root.path(), Services::None).len(), 2);
        made_up::certbot(root.path(), &["a.example"]);
        let [chain, _, reload] = &steps(root.path(), live())[..] else {
            panic!("three steps");
        };
        assert!(chain.contains("certbot got it"), "{chain}");
        assert!(reload.starts_with("reload"), "{reload}");
    }
}

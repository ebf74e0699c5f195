//! Certificates as a part of the plan, so that they come and go with it: those for development are made, and those of an ACME
//! server are got.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use deploy::acme::Acme;
use deploy::plan::{Change, Content, Issue, Ownership, Plan, Step, Verb, Why};
use deploy::words::Name;
use deploy::{CertificateKind, Deployment, ShownBy, Site};

use crate::acme::{self, Changes, Standing};
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
        if let Some(pems) = certificate::uncopied(site, &ground.root) {
            wanted.install(site, &ground.root, (pems, Why::Copied))?;
        }
    }
    plan.texts.extend(wanted.texts);
    let place = plan.steps.iter().position(|step| {
        !matches!(step, Step::Change(change) if matches!(change.after, Content::Folder { .. }))
    });
    let place = place.unwrap_or(plan.steps.len());
    let changes = wanted.changes.into_iter().map(Step::Change);
    plan.steps.splice(place..place, changes);
    let is_issued = !wanted.issues.is_empty();
    plan.steps
        .extend(wanted.issues.into_iter().map(Step::Issue));
    let told: Vec<_> = plan
        .services()
        .filter(|(verb, _)| matches!(verb, Verb::Reload | Verb::Start | Verb::Restart))
        .map(|(_, unit)| unit.to_owned())
        .collect();
    let reads = |unit: &String| is_issued || !told.contains(unit);
    let readers = wanted.readers.into_iter().filter(reads);
    if ground.is_live() {
        plan.steps.extend(reload(readers.collect()));
    }
    Ok(())
}

/// The step after which clients see new certificates; none where nobody has one to read.
pub(crate) fn reload(readers: BTreeSet<String>) -> Option<Step> {
    (!readers.is_empty()).then(|| Step::Units {
        verb: Verb::Reload,
        units: readers.into_iter().collect(),
        why: "the certificate is new".to_owned(),
    })
}

/// The unit that shows the certificate of a site.
pub(crate) fn reader(site: &Site) -> String {
    match site.certificate.shown_by {
        ShownBy::Edge => NGINX.to_owned(),
        ShownBy::Origin => format!("{}-origin.service", site.name),
    }
}

/// What a plan lacks for its certificates.
#[derive(Default)]
struct Wanted {
    changes: Vec<Change>,
    texts: BTreeMap<String, String>,
    issues: Vec<Issue>,
    /// The units that have a new certificate to read.
    readers: BTreeSet<String>,
}

impl Wanted {
    fn write(&mut self, change: Change, text: String) {
        let digest = change.after.digest().map(str::to_owned);
        self.texts.extend(digest.map(|digest| (digest, text)));
        self.changes.push(change);
    }

    /// A new certificate for its places, which somebody then has to read.
    fn install(
        &mut self,
        site: &Site,
        root: &Path,
        new: ([Vec<u8>; 2], Why),
    ) -> Result<(), CommandError> {
        let (changes, texts) = installation(site, root, new)?;
        self.changes.extend(changes);
        self.texts.extend(texts);
        self.readers.insert(reader(site));
        Ok(())
    }
}

/// What puts a chain and a key into the places of a site's certificate.
///
/// # Errors
/// When what is there now cannot be read, or what belongs there is no text.
pub(crate) fn installation(
    site: &Site,
    root: &Path,
    new: ([Vec<u8>; 2], Why),
) -> Result<Changes, HostError> {
    let certificate = &site.certificate;
    let paths = [
        certificate.chain_path.as_str(),
        certificate.key_path.as_str(),
    ];
    acme::installation(root, &site.name, paths, new)
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
            wanted.install(site, root, (kept.pems(), Why::Issued))?;
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
        wanted.readers.insert(reader(site));
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
        steps_for(&made_up::acme(), root, services)
    }

    fn steps_for(deployment: &Deployment, root: &Path, services: Services) -> Vec<String> {
        let ground = Ground {
            root: root.to_owned(),
            state: State::of(root, &deployment.name),
            services,
        };
        let mut plan = made_up::empty_plan();
        add_certificates(&mut plan, deployment, &ground).expect("planned");
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

    #[test]
    fn where_the_origin_shows_the_certificate_the_origin_reads_it_again() {
        let root = tempfile::tempdir().expect("a folder");
        let live = || Services::Systemctl("systemctl".into());
        let deployment = made_up::passing("{ acme = { terms_agreed = true } }");
        let steps = steps_for(&deployment, root.path(), live());
        let last = steps.last().map(String::as_str);
        let reload = "reload demo-origin.service (the certificate is new)";
        assert_eq!(last, Some(reload), "{steps:?}");
    }

    #[test]
    fn the_operators_files_are_copied_once_and_again_when_they_change() {
        let root = tempfile::tempdir().expect("a folder");
        let deployment =
            made_up::passing("{ certificate = \"/etc/x/c.pem\", private_key = \"/etc/x/k.pem\" }");
        let steps = || {
            steps_for(
                &deployment,
                root.path(),
                Services::Systemctl("systemctl".into()),
            )
        };
        assert_eq!(steps(), [""; 0]);
        made_up::write(root.path(), "/etc/x/c.pem", "chain");
        made_up::write(root.path(), "/etc/x/k.pem", "key");
        let [chain, key, reload] = &steps()[..] else {
            panic!("three steps");
        };
        let copy = "/etc/demo/tls/chain.pem (a copy that the origin can read";
        assert!(
            chain.contains(copy) && chain.contains("0640 root:demo"),
            "{chain}"
        );
        assert!(key.contains("/etc/demo/tls/key.pem"), "{key}");
        assert!(reload.starts_with("reload demo-origin.service"), "{reload}");
        made_up::write(root.path(), "/etc/demo/tls/chain.pem", "chain");
        made_up::write(root.path(), "/etc/demo/tls/key.pem", "key");
        assert_eq!(steps(), [""; 0]);
    }
}

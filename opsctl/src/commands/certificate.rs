//! `opsctl certificate install`: a renewed certificate, in its place and shown, or the old one again.

use std::collections::BTreeSet;
use std::path::Path;

use deploy::plan::{Plan, Step, Why};
use deploy::{Deployment, Site};
use findings::Finding;
use serde_json::json;

use super::apply::audited;
use super::uninstall::installed;
use super::{named, output};
use crate::acme::{self, Standing};
use crate::certificate;
use crate::cli::{CertificateInstall, Format};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::ground::Ground;
use crate::host::{self, certbot};
use crate::lock::Lock;
use crate::nginx::{self, Nginx, Places};
use crate::steps::{Carry, Proof, carry_out, installation, reader, recover, reload};
use crate::transaction::Purpose;
use crate::ui::Ui;

/// Installs what certbot or the operator has and is not in its place.
///
/// # Errors
/// Exit 2 where nothing is installed, 12 with the old certificates in their places, 13 when not even that.
pub(crate) async fn run(
    arguments: CertificateInstall,
    spec: &Path,
    ui: &mut Ui,
) -> Result<Exit, CommandError> {
    if std::env::var_os(certbot::WITHIN).is_some() {
        ui.say("the run of opsctl that asked for the certificate installs it");
        return Ok(Exit::Done);
    }
    let name = named::find(&arguments.named, spec)?;
    let ground = Ground::of(arguments.named.root.as_deref(), &name)?;
    if ground.generations().current()?.is_none() {
        let finding = Finding::error("state.name", format!("{name} is not installed here"));
        let hint = format!("`certbot delete --cert-name {name}` ends its renewal");
        return Err(CommandError::finding(Exit::Usage, finding.hint(hint)));
    }
    let _lock = Lock::take(&ground.state.lock(), "certificate", arguments.lock_wait).await?;
    recover(&ground, ui).await?;
    let places = Places {
        cache: None,
        ..Places::of_environment(arguments.nginx)
    };
    let nginx = nginx::discover(&places).await?;
    let deployment = installed(&ground, &nginx, ui).ok_or_else(|| {
        let message = "the spec that is installed means nothing to this opsctl";
        CommandError::new(Exit::Unexpected, message).hint("`opsctl apply` installs one that does")
    })?;
    Renewal::of(&ground, &deployment, ui)?
        .install(&nginx, ui)
        .await
}

/// The certificates that are new.
struct Renewal<'a> {
    ground: &'a Ground,
    deployment: &'a Deployment,
    sites: Vec<String>,
    readers: BTreeSet<String>,
    plan: Plan,
}

impl<'a> Renewal<'a> {
    fn of(
        ground: &'a Ground,
        deployment: &'a Deployment,
        ui: &mut Ui,
    ) -> Result<Self, CommandError> {
        let mut renewal = Self {
            ground,
            deployment,
            sites: Vec::new(),
            readers: BTreeSet::new(),
            plan: Plan::of_nothing(&deployment.name),
        };
        for site in &deployment.sites {
            if let Some(pems) = certificate::uncopied(site, &ground.root) {
                renewal.take(site, (pems, Why::Copied))?;
            }
            let Some(acme) = site.certificate.kind.acme() else {
                continue;
            };
            match acme::standing(site, acme, &ground.root, host::since_epoch()) {
                Standing::Good => {}
                Standing::Lacking(why) => {
                    let message = format!("the certificate of {} stays as it is: {why}", site.name);
                    let finding = Finding::warn("tls.renewal", message);
                    ui.say(finding.hint("`opsctl apply` gets another one"));
                }
                Standing::Newer(kept) => renewal.take(site, (kept.pems(), Why::Issued))?,
            }
        }
        Ok(renewal)
    }

    /// A new certificate of a site.
    fn take(&mut self, site: &Site, new: ([Vec<u8>; 2], Why)) -> Result<(), CommandError> {
        let (changes, texts) = installation(site, &self.ground.root, new)?;
        self.plan.texts.extend(texts);
        let changes = changes.into_iter().map(Step::Change);
        self.plan.steps.extend(changes);
        self.sites.push(site.name.to_string());
        self.readers.insert(reader(site));
        Ok(())
    }

    async fn install(mut self, nginx: &Nginx, ui: &mut Ui) -> Result<Exit, CommandError> {
        let ground = self.ground;
        if self.sites.is_empty() {
            ui.say("nothing to do: the newest certificate is in its place");
        } else {
            self.plan.steps.extend(reload(self.readers));
            let carry = Carry {
                ground,
                plan: self.plan,
                purpose: Purpose::Certificate,
                spec: None,
                proof: Proof::Certificates(self.deployment, nginx),
                named_before: Some(self.deployment.edge.generation.to_string()),
                confirm_within: None,
            };
            audited(ground, "certificate", carry_out(carry, ui).await, ui)?;
        }
        let (name, sites) = (&self.deployment.name, self.sites);
        output(match ui.format() {
            Format::Json => ui.json(&json!({
                "ok": true, "outcome": "installed", "deployment": name, "sites": sites,
            })),
            Format::Human if sites.is_empty() => Ok(()),
            Format::Human => {
                let sites = sites.join(", ");
                ui.data(format_args!(
                    "the new certificate of {sites} is in its place\n"
                ))
            }
        })?;
        Ok(Exit::Done)
    }
}

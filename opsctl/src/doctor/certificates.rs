//! `certificates`: the files of each site, and for how long they are good.

use std::path::Path;
use std::time::Duration;

use deploy::{CertificateKind, Deployment, Site};
use findings::{Finding, Report};
use probe::certificate::{facts, read_chain};

use super::Check;
use crate::certificate::check_given;
use crate::spec::SpecFile;

/// Looks at the certificate of every site. `now` counts from the UNIX epoch.
pub(crate) fn look(deployment: &Deployment, spec: &SpecFile, now: Duration) -> Check {
    let mut findings = check_given(deployment, spec);
    let mut seen = Vec::new();
    for (index, site) in deployment.sites.iter().enumerate() {
        match (
            days_left(site.certificate.chain_path.as_path(), now),
            &site.certificate.kind,
        ) {
            (Some(days), kind) => {
                seen.push(format!("`{}`: {days} days", site.certificate.chain_path));
                if let Some(finding) = ending(site, days, kind) {
                    let key = spec.site_key(index, "tls");
                    findings.push(spec.place(&key, finding));
                }
            }
            // its fault has been found
            (None, CertificateKind::Given) => {}
            (None, CertificateKind::Copied { .. }) => {
                seen.push(format!("site `{}`: `opsctl apply` copies it", site.name));
            }
            (None, CertificateKind::SelfSigned) => {
                seen.push(format!("site `{}`: `opsctl apply` makes one", site.name));
            }
            (None, CertificateKind::Acme(_)) => {
                seen.push(format!("site `{}`: `opsctl apply` gets one", site.name));
            }
        }
    }
    let detail = first(&findings).unwrap_or_else(|| seen.join("; "));
    Check::seen("certificates", detail, findings)
}

fn first(findings: &Report) -> Option<String> {
    findings
        .findings()
        .first()
        .map(|finding| finding.message.clone())
}

/// Days until the leaf of a chain ends; nothing for a file that is not there or is none. One that has ended is another finding.
fn days_left(chain: &Path, now: Duration) -> Option<i64> {
    let pem = std::fs::read(chain).ok()?;
    let chain = read_chain(&pem).ok()?;
    let facts = facts(chain.first()?).ok()?;
    let left = facts.not_after - i64::try_from(now.as_secs()).ok()?;
    Some(left.div_euclid(DAY))
}

fn ending(site: &Site, days: i64, kind: &CertificateKind) -> Option<Finding> {
    if !(0..SOON).contains(&days) {
        return None;
    }
    let message = format!("`{}` ends in {days} days", site.certificate.chain_path);
    let hint = match kind {
        CertificateKind::Given => "renew it: the files are read again when they change",
        CertificateKind::Copied { .. } => {
            "renew it, then `opsctl certificate install`: the origin reads a copy"
        }
        CertificateKind::SelfSigned => "`sudo opsctl apply` makes a new one",
        CertificateKind::Acme(_) => "`sudo certbot renew --dry-run` says why it was not renewed",
    };
    Some(Finding::warn("tls.expiry", message).hint(hint))
}

const DAY: i64 = 86_400;
/// As `tls.expiry` of `opsctl verify`: the three weeks before the end.
const SOON: i64 = 21;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certificate::placeholder;
    use crate::checks::Status;
    use crate::{host, made_up};

    #[test]
    fn a_certificate_that_ends_soon_or_is_not_there_is_found() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name).display().to_string();
        let tls = format!(
            "certificate = \"{}\"\nprivate_key = \"{}\"",
            at("c.pem"),
            at("k.pem")
        );
        let (deployment, spec) = made_up::deployment(&made_up::spec(&tls), folder.path());
        let now = host::since_epoch();
        assert_eq!(look(&deployment, &spec, now).status(), Status::Fail);
        let made = placeholder(&deployment.sites[0], host::now()).expect("made");
        made_up::write(folder.path(), "/c.pem", &made.chain);
        made_up::write(folder.path(), "/k.pem", &made.key);
        let days = days_left(Path::new(&at("c.pem")), now).expect("a certificate");
        let late = now + Duration::from_hours(24) * u32::try_from(days - 3).unwrap_or_default();
        let check = look(&deployment, &spec, late);
        assert_eq!(
            (check.status(), check.findings.findings()[0].id.as_str()),
            (Status::Warn, "tls.expiry")
        );
    }
}

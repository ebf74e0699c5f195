//! Certificates: those that the operator named are looked at before anything stands on them, those for development are made.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use deploy::lint::covers;
use deploy::words::{AbsolutePath, Name, ServerName};
use deploy::{CertificateKind, Deployment, ShownBy, Site};
use findings::{Finding, Report};
use probe::CertificateDer;
use probe::certificate::{self, Facts, facts, key_matches, read_chain, read_key};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, SanType,
};

use crate::error::HostError;
use crate::host::{self, files};
use crate::spec::SpecFile;
use crate::steps::timestamp;

/// Looks at every certificate that the spec names: the files are there, hold a chain and a key that belong together, and
/// the certificate is for the names of its site.
pub(crate) fn check_given(deployment: &Deployment, spec: &SpecFile) -> Report {
    let mut report = Report::new();
    for (index, site) in deployment.sites.iter().enumerate() {
        if let Some(files) = site.certificate.given() {
            for (key, finding) in faults(site, files) {
                report.push(spec.place(&spec.site_key(index, key), finding));
            }
        }
    }
    report
}

/// What is to be copied of a site's certificate: the operator's files as they are on the machine below `root`, where the copies
/// are others, or none.
pub(crate) fn uncopied(site: &Site, root: &Path) -> Option<[Vec<u8>; 2]> {
    let certificate = &site.certificate;
    let CertificateKind::Copied { chain, key } = &certificate.kind else {
        return None;
    };
    let read = |path: &AbsolutePath| std::fs::read(files::below(root, path.as_str())).ok();
    let given = [read(chain)?, read(key)?];
    let copies = [&certificate.chain_path, &certificate.key_path].map(read);
    (copies != given.clone().map(Some)).then_some(given)
}

fn faults(
    site: &Site,
    (chain, key): (&AbsolutePath, &AbsolutePath),
) -> Vec<(&'static str, Finding)> {
    let read = |path: &Path, key| {
        std::fs::read(path).map_err(|error| {
            let message = format!("`{}` cannot be read: {error}", path.display());
            Box::new((key, Finding::error("tls.file", message).hint(FILE_HINT)))
        })
    };
    let said = |key, path: &Path, error: &dyn std::error::Error| {
        let message = format!("`{}`: {error}", path.display());
        vec![(key, Finding::error("tls.content", message))]
    };
    let (chain_path, key_path) = (chain.as_path(), key.as_path());
    let (chain, key) = match (read(chain_path, CHAIN_KEY), read(key_path, KEY_KEY)) {
        (Ok(chain), Ok(key)) => (chain, key),
        (chain, key) => {
            return [chain.err(), key.err()]
                .into_iter()
                .flatten()
                .map(|fault| *fault)
                .collect();
        }
    };
    let chain = match read_chain(&chain) {
        Ok(chain) => chain,
        Err(error) => return said(CHAIN_KEY, chain_path, &error),
    };
    match read_key(&key).and_then(|key| key_matches(&chain, &key)) {
        Ok(true) => {}
        Ok(false) => return vec![foreign_key((chain_path, key_path), &chain, &key)],
        Err(_) if is_encrypted(&key) => {
            let message = format!("`{}` is encrypted", key_path.display());
            let finding = Finding::error("tls.key", message);
            let hint = "NGINX would ask for its passphrase at every start: write it without one (`openssl pkey`), readable by root alone";
            return vec![(KEY_KEY, finding.hint(hint))];
        }
        Err(error) => return said(KEY_KEY, key_path, &error),
    }
    let facts = match chain.first().map(facts) {
        Some(Ok(facts)) => facts,
        Some(Err(error)) => return said(CHAIN_KEY, chain_path, &error),
        None => return Vec::new(),
    };
    if let Some(finding) = out_of_date(chain_path, &facts) {
        return vec![(CHAIN_KEY, finding)];
    }
    site.server_names
        .iter()
        .filter(|name| {
            !facts
                .names
                .iter()
                .any(|covered| covers(covered, name.as_str()))
        })
        .map(|name| {
            let message = format!(
                "`{}` is not for `{name}` but for `{}`",
                chain_path.display(),
                facts.names.join("`, `")
            );
            (CHAIN_KEY, Finding::error("tls.name", message))
        })
        .collect()
}

/// NGINX takes a certificate that has ended, and then no client takes NGINX's.
fn out_of_date(chain: &Path, facts: &Facts) -> Option<Finding> {
    let now = i64::try_from(host::since_epoch().as_secs()).ok()?;
    let time = |seconds: i64| timestamp(u64::try_from(seconds).unwrap_or_default());
    let path = chain.display();
    // both ends belong to it (RFC 5280, section 4.1.2.5)
    let (message, hint) = if now > facts.not_after {
        let message = format!("`{path}` expired at {}", time(facts.not_after));
        (
            message,
            "renew it; what NGINX has loaded stays loaded until then",
        )
    } else if now < facts.not_before {
        let message = format!(
            "`{path}` is valid from {} on, and it is {} here",
            time(facts.not_before),
            time(now)
        );
        (message, "set the clock: `timedatectl` shows it")
    } else {
        return None;
    };
    Some(Finding::error("tls.time", message).hint(hint))
}

/// The key is of another certificate: of one further down in the chain, when that was put together in the wrong order.
fn foreign_key(
    (chain_path, key_path): (&Path, &Path),
    chain: &[CertificateDer<'static>],
    key: &[u8],
) -> (&'static str, Finding) {
    let (chain_path, key_path) = (chain_path.display(), key_path.display());
    let own = (1..chain.len()).find(|first| {
        let matches = read_key(key).and_then(|key| key_matches(&chain[*first..], &key));
        matches.is_ok_and(|matches| matches)
    });
    if let Some(place) = own {
        let message = format!(
            "`{chain_path}` is in the wrong order: the certificate of `{key_path}` is number {} in it",
            place + 1
        );
        let hint = "a chain begins with the site's own certificate, and each next one has signed the one before";
        return (CHAIN_KEY, Finding::error("tls.order", message).hint(hint));
    }
    let message = format!("`{key_path}` is not the key of `{chain_path}`");
    let hint = "name the two files that were issued together";
    (KEY_KEY, Finding::error("tls.key", message).hint(hint))
}

/// The two forms of an encrypted key: PKCS #8's own label, and the header of the older form (RFC 1421, section 4.6.1.1).
fn is_encrypted(pem: &[u8]) -> bool {
    let text = String::from_utf8_lossy(pem);
    text.contains("BEGIN ENCRYPTED PRIVATE KEY") || text.contains("Proc-Type: 4,ENCRYPTED")
}

/// A file of a certificate that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Made {
    /// Where it belongs, on the machine.
    pub(crate) path: PathBuf,
    /// PEM.
    pub(crate) text: String,
    /// Its permission bits: a key is its readers' alone.
    pub(crate) mode: u32,
    /// The group that may read it, where an origin shows it.
    pub(crate) group: Option<Name>,
}

/// Makes the certificates of all sites that want one made, under one authority whose key is thrown away: nothing else can
/// ever be signed with it. `authority` says where a site's clients find it. Where all of them are on the machine below
/// `root` and still good nothing is made, so that a client which trusts them goes on.
pub(crate) fn made(
    deployment: &Deployment,
    authority: impl Fn(&Site) -> PathBuf,
    root: &Path,
    now: SystemTime,
) -> Result<Vec<Made>, MakeError> {
    let sites: Vec<_> = deployment
        .sites
        .iter()
        .filter(|site| site.certificate.kind == CertificateKind::SelfSigned)
        .collect();
    let good = |site: &&Site| is_good(site, &authority(site), root, now);
    if sites.is_empty() || sites.iter().all(good) {
        return Ok(Vec::new());
    }
    let ca = Authority::new(deployment.name.as_str(), now)?;
    let mut made = Vec::new();
    for site in sites {
        let key = KeyPair::generate()?;
        let leaf = leaf(site, now)?.signed_by(&key, &ca.issuer)?;
        let certificate = &site.certificate;
        let is_shared =
            deployment.layout.private().is_none() && certificate.shown_by == ShownBy::Origin;
        let group = is_shared.then(|| site.name.clone());
        let files = [
            (authority(site), ca.pem.clone(), 0o644),
            (
                certificate.key_path.as_path().to_owned(),
                key.serialize_pem(),
                if group.is_some() { 0o640 } else { 0o600 },
            ),
            (
                certificate.chain_path.as_path().to_owned(),
                leaf.pem(),
                if group.is_some() { 0o640 } else { 0o644 },
            ),
        ];
        made.extend(files.map(|(path, text, mode)| Made {
            group: group.clone().filter(|_| mode == 0o640),
            path,
            text,
            mode,
        }));
    }
    Ok(made)
}

/// A certificate and its key, PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Placeholder {
    /// The certificate, signed by itself: nobody trusts it, and no verification passes with it.
    pub(crate) chain: String,
    /// Its key.
    pub(crate) key: String,
}

/// What NGINX starts with until there is a certificate: without one it does not, and then nobody could ask for one.
pub(crate) fn placeholder(site: &Site, now: SystemTime) -> Result<Placeholder, MakeError> {
    let key = KeyPair::generate()?;
    let mut params = leaf(site, now)?;
    params.distinguished_name = named("placeholder until there is a certificate");
    Ok(Placeholder {
        chain: params.self_signed(&key)?.pem(),
        key: key.serialize_pem(),
    })
}

/// Makes them and writes them on this machine.
pub(crate) fn make(
    deployment: &Deployment,
    authority: &Path,
    now: SystemTime,
) -> Result<(), MakeError> {
    for file in made(deployment, |_| authority.to_owned(), Path::new("/"), now)? {
        write(&file.path, file.text.as_bytes(), file.mode)?;
    }
    Ok(())
}

/// Where the authority of a site is on a machine: beside its chain.
pub(crate) fn authority_of(site: &Site) -> PathBuf {
    site.certificate
        .chain_path
        .as_path()
        .with_file_name("ca.pem")
}

/// Why no certificate was made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MakeError {
    /// The library refused.
    #[error("a certificate cannot be made")]
    Make(#[from] rcgen::Error),
    /// The files could not be written.
    #[error(transparent)]
    Host(#[from] HostError),
}

struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new(deployment: &str, now: SystemTime) -> Result<Self, rcgen::Error> {
        let key = KeyPair::generate()?;
        let mut params = validity(CertificateParams::default(), now);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.distinguished_name = named(&format!("{deployment} development authority"));
        let pem = params.self_signed(&key)?.pem();
        Ok(Self {
            pem,
            issuer: Issuer::new(params, key),
        })
    }
}

fn leaf(site: &Site, now: SystemTime) -> Result<CertificateParams, rcgen::Error> {
    let names: Vec<_> = site.server_names.iter().map(ToString::to_string).collect();
    let is_local = names.iter().any(|name| name == "localhost");
    let mut params = validity(CertificateParams::new(names)?, now);
    if is_local {
        // RFC 6761, section 6.3: "localhost" is always the loopback address, and people write the one for the other
        let addresses = [
            IpAddr::from([127, 0, 0, 1]),
            IpAddr::from(std::net::Ipv6Addr::LOCALHOST),
        ];
        params
            .subject_alt_names
            .extend(addresses.map(SanType::IpAddress));
    }
    params.distinguished_name = named(site.name.as_str());
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

fn validity(mut params: CertificateParams, now: SystemTime) -> CertificateParams {
    params.not_before = (now - BEFORE).into();
    params.not_after = (now + AFTER).into();
    params
}

fn named(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished
}

/// Whether the files are there, lead to the authority for every name, and will for long enough.
fn is_good(site: &Site, authority: &Path, root: &Path, now: SystemTime) -> bool {
    let read = |path: &Path| std::fs::read(files::below(root, &path.to_string_lossy())).ok();
    let good = || {
        let roots = read_chain(&read(authority)?).ok()?;
        let chain = read_chain(&read(site.certificate.chain_path.as_path())?).ok()?;
        let key = read_key(&read(site.certificate.key_path.as_path())?).ok()?;
        let then = now.duration_since(SystemTime::UNIX_EPOCH).ok()? + LONG_ENOUGH;
        let names = || site.server_names.iter().map(ServerName::example);
        let trusted = names().all(|name| certificate::verify(&chain, &name, &roots, then).is_ok());
        Some(trusted && key_matches(&chain, &key).ok()?)
    };
    good().unwrap_or(false)
}

fn write(path: &Path, contents: &[u8], mode: u32) -> Result<(), HostError> {
    if let Some(folder) = path.parent() {
        files::make_folder(folder, 0o755, (None, None))?;
    }
    files::replace(files::NewFile {
        path,
        contents,
        mode,
        owner: (None, None),
    })
}

const CHAIN_KEY: &str = "tls.certificate";
const KEY_KEY: &str = "tls.private_key";
const FILE_HINT: &str = "name the PEM files of the certificate, or write `self_signed = true` under `[tls]` for development";
/// A client whose clock is behind by up to an hour takes the certificate.
const BEFORE: Duration = Duration::from_hours(1);
/// 90 days, as long as Let's Encrypt's: nobody gets used to certificates that never end.
const AFTER: Duration = Duration::from_hours(90 * 24);
/// Three weeks: the verification warns below it.
const LONG_ENOUGH: Duration = Duration::from_hours(21 * 24);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::made_up;

    const DAY: Duration = Duration::from_hours(24);

    fn read(path: &Path) -> Vec<u8> {
        std::fs::read(path).expect("the file is there")
    }

    #[test]
    fn what_is_made_is_trusted_for_the_names_and_loopback_and_its_key_is_private() {
        use std::os::unix::fs::PermissionsExt as _;

        let folder = tempfile::tempdir().expect("a folder");
        let (deployment, _) =
            made_up::deployment(&made_up::spec("self_signed = true"), folder.path());
        let authority = folder.path().join("tls/ca.pem");
        make(&deployment, &authority, host::now()).expect("made");
        let certificate = &deployment.sites[0].certificate;
        let (roots, chain) = (read(&authority), read(certificate.chain_path.as_path()));
        let (roots, chain) = (
            read_chain(&roots).expect("PEM"),
            read_chain(&chain).expect("PEM"),
        );
        for name in ["localhost", "127.0.0.1", "::1"] {
            certificate::verify(&chain, name, &roots, host::since_epoch()).expect(name);
        }
        let mode = certificate
            .key_path
            .as_path()
            .metadata()
            .expect("there")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_good_certificate_is_kept_and_one_near_its_end_is_made_anew() {
        let folder = tempfile::tempdir().expect("a folder");
        let (deployment, _) =
            made_up::deployment(&made_up::spec("self_signed = true"), folder.path());
        let authority = folder.path().join("tls/ca.pem");
        let made_at = |now| {
            make(&deployment, &authority, now).expect("made");
            read(&authority)
        };
        let now = host::now();
        let first = made_at(now);
        assert_eq!(made_at(now + DAY * 60), first);
        assert_ne!(made_at(now + DAY * 75), first);
    }

    #[test]
    fn given_files_are_looked_at_before_anything_stands_on_them() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| {
            let root = folder.path().join(name);
            let (deployment, _) = made_up::deployment(&made_up::spec("self_signed = true"), &root);
            make(&deployment, &root.join("ca.pem"), host::now()).expect("made");
            deployment.sites[0].certificate.clone()
        };
        let (one, two) = (at("one"), at("two"));
        let found = |chain: &str, key: &str, name: &str| {
            let text = made_up::spec(&format!(
                "certificate = \"{chain}\"\nprivate_key = \"{key}\""
            ));
            let (deployment, file) =
                made_up::deployment(&text.replace("localhost", name), folder.path());
            let report = check_given(&deployment, &file);
            report
                .findings()
                .iter()
                .map(|finding| (finding.id.clone(), finding.line))
                .collect::<Vec<_>>()
        };
        let (chain, key) = (one.chain_path.as_str(), one.key_path.as_str());
        assert_eq!(found(chain, key, "localhost"), []);
        assert_eq!(
            found(chain, two.key_path.as_str(), "localhost"),
            [("tls.key".into(), Some(11))]
        );
        assert_eq!(
            found(chain, key, "other.example"),
            [("tls.name".into(), Some(10))]
        );
        assert_eq!(
            found(key, key, "localhost"),
            [("tls.content".into(), Some(10))]
        );
        let reversed = folder.path().join("reversed.pem");
        let authority = read(&folder.path().join("one/ca.pem"));
        let both = [authority, read(one.chain_path.as_path())].concat();
        write(&reversed, &both, 0o644).expect("our own folder");
        assert_eq!(
            found(&reversed.display().to_string(), key, "localhost"),
            [("tls.order".into(), Some(10))]
        );
        assert_eq!(
            found("/no/chain", "/no/key", "localhost"),
            [("tls.file".into(), Some(10)), ("tls.file".into(), Some(11))]
        );
    }

    #[test]
    fn a_certificate_is_out_of_date_before_its_time_and_after_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let said = |name: &str, now: SystemTime| {
            let root = folder.path().join(name);
            let (deployment, _) = made_up::deployment(&made_up::spec("self_signed = true"), &root);
            make(&deployment, &root.join("ca.pem"), now).expect("made");
            let path = deployment.sites[0].certificate.chain_path.as_path();
            let chain = read_chain(&read(path)).expect("PEM");
            let found = out_of_date(path, &facts(&chain[0]).expect("a certificate"));
            found.map(|finding| finding.message)
        };
        assert_eq!(said("good", host::now()), None);
        let expired = said("old", host::now() - DAY * 200).expect("it ended");
        assert!(expired.contains("expired at"), "{expired}");
        let early = said("early", host::now() + DAY).expect("not yet");
        assert!(early.contains("and it is"), "{early}");
    }

    #[test]
    fn an_encrypted_key_is_told_from_one_that_is_broken() {
        assert!(is_encrypted(b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nMII"));
        let old = b"-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n";
        assert!(is_encrypted(old));
        assert!(!is_encrypted(b"-----BEGIN PRIVATE KEY-----\nMII"));
    }
}

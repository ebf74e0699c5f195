//! Certificates that certbot gets: what a site lacks, and how it gets it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use deploy::Site;
use deploy::acme::{Acme, WEBROOT};
use deploy::lint::covers;
use deploy::plan::{Change, Content, Issue, Ownership, Why};
use deploy::words::Name;
use probe::certificate::{facts, key_matches, read_chain, read_key};
use probe::{Ask, Connect, Scheme, Target, Version};

use crate::checks::ask::fetch;
use crate::checks::reachable;
use crate::error::HostError;
use crate::host::certbot::{self, Kept};
use crate::host::disk::{Real, make_folders};
use crate::host::files::{NewFile, below, replace};
use crate::host::{content, random_name};

/// What a site has and lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Standing {
    /// What certbot keeps is in its place.
    Good,
    /// certbot keeps a good one that is not in its place.
    Newer(Kept),
    /// certbot has to get one, and why.
    Lacking(String),
}

/// Looks at the certificate of a site on the machine below `root`; `now` counts from the UNIX epoch.
pub(crate) fn standing(site: &Site, acme: &Acme, root: &Path, now: Duration) -> Standing {
    let Some(kept) = certbot::kept(root, &site.name) else {
        return Standing::Lacking("there is none yet".to_owned());
    };
    if !acme.is_that_of(&kept.renewal) {
        return Standing::Lacking("certbot renews one of another server or kind of key".to_owned());
    }
    if let Err(why) = fits(site, &kept, now) {
        return Standing::Lacking(why);
    }
    let read = |path: &str| std::fs::read(below(root, path)).ok();
    let certificate = &site.certificate;
    let installed = read(certificate.chain_path.as_str()).zip(read(certificate.key_path.as_str()));
    match installed {
        Some((chain, key)) if chain == kept.chain && key == kept.key => Standing::Good,
        _ => Standing::Newer(kept),
    }
}

/// Whether a certificate can stand for a site.
///
/// # Errors
/// Why it cannot: a fragment.
fn fits(site: &Site, kept: &Kept, now: Duration) -> Result<(), String> {
    let unusable = |_| "what certbot has cannot be read".to_owned();
    let chain = read_chain(&kept.chain).map_err(unusable)?;
    let key = read_key(&kept.key).map_err(unusable)?;
    if !key_matches(&chain, &key).map_err(unusable)? {
        return Err("what certbot has does not belong together".to_owned());
    }
    let leaf = chain.first().ok_or("what certbot has is empty")?;
    let facts = facts(leaf).map_err(unusable)?;
    if u64::try_from(facts.not_after).unwrap_or_default() <= now.as_secs() {
        return Err("it has ended".to_owned());
    }
    let covered = |name: &str| facts.names.iter().any(|covered| covers(covered, name));
    let mut names = site.server_names.iter();
    match names.find(|name| !covered(name.as_str())) {
        Some(name) => Err(format!("it is not for {name}")),
        None => Ok(()),
    }
}

/// Whether a chain and a key are in the places of a site that NGINX starts with.
pub(crate) fn has_any(site: &Site, root: &Path) -> bool {
    let read = |path: &str| std::fs::read(below(root, path)).ok();
    let pair = || {
        let chain = read_chain(&read(site.certificate.chain_path.as_str())?).ok()?;
        let key = read_key(&read(site.certificate.key_path.as_str())?).ok()?;
        key_matches(&chain, &key).ok()
    };
    pair().unwrap_or(false)
}

/// Changes of files, and the texts of these by digest.
pub(crate) type Changes = (Vec<Change>, BTreeMap<String, String>);

/// What puts a chain and a key into their places. The site's own group may read them.
///
/// # Errors
/// When what is there now cannot be read, or what belongs there is no text.
pub(crate) fn installation(
    root: &Path,
    site: &Name,
    paths: [&str; 2],
    (pems, why): ([Vec<u8>; 2], Why),
) -> Result<Changes, HostError> {
    let (mut changes, mut texts) = (Vec::new(), BTreeMap::new());
    for (path, pem) in paths.into_iter().zip(pems) {
        let text = String::from_utf8(pem)
            .map_err(|error| HostError::on("read", path)(std::io::Error::other(error)))?;
        let change = change(root, site, path, &text, why)?;
        texts.extend(
            change
                .after
                .digest()
                .map(|digest| (digest.to_owned(), text)),
        );
        changes.push(change);
    }
    Ok((changes, texts))
}

/// The change that makes one file of a site's certificate: root's, and the site's group may read it.
///
/// # Errors
/// When what is there now cannot be read.
pub(crate) fn change(
    root: &Path,
    site: &Name,
    path: &str,
    text: &str,
    why: Why,
) -> Result<Change, HostError> {
    let owner = Ownership::Names("root".to_owned(), site.to_string());
    Ok(Change {
        path: path.to_owned(),
        before: content::at(root, path).map_err(HostError::on("read", path))?,
        after: Content::file(text.as_bytes(), 0o640, owner),
        component: None,
        why,
    })
}

/// Lets certbot get a certificate, once the edge answers what the server will ask: a failure there is one of few that a
/// server allows in an hour. Returns what puts it into its place.
///
/// # Errors
/// What certbot or the edge said.
pub(crate) async fn issue(root: &Path, issue: &Issue) -> Result<Changes, HostError> {
    for name in &issue.names {
        answers_challenges(name, issue.http).await?;
    }
    certbot::run(&issue.command).await?;
    let kept = certbot::kept(root, &issue.site).ok_or_else(|| {
        let cause = std::io::Error::from(std::io::ErrorKind::NotFound);
        HostError::on("read what certbot keeps as", &issue.site)(cause)
    })?;
    let paths = [issue.chain.as_str(), issue.key.as_str()];
    installation(root, &issue.site, paths, (kept.pems(), Why::Issued))
}

/// Waits until the edge answers a challenge for a name with what lies in the web root.
async fn answers_challenges(name: &str, http: SocketAddr) -> Result<(), HostError> {
    let token = random_name("opsctl");
    let folder = Path::new(WEBROOT).join(CHALLENGES);
    make_folders(&Real, &folder, 0o755)?;
    let file = folder.join(&token);
    replace(NewFile {
        path: &file,
        contents: token.as_bytes(),
        mode: 0o644,
        owner: (None, None),
    })?;
    let mut target = Target::new(Scheme::Http, name, 80).with_timeout(ANSWER);
    target = target.with_connect(Connect::Address(reachable(http)));
    let path = format!("/{CHALLENGES}/{token}");
    let start = Instant::now();
    let answered = loop {
        let said = match fetch(&target, Version::Http1, Ask::get(&path)).await {
            Ok(answer) if answer.body == token.as_bytes() => break Ok(()),
            Ok(answer) => format!("the edge answered {}", answer.head.status.as_u16()),
            Err(error) => error.to_string(),
        };
        if start.elapsed() > PATIENCE {
            let subject = format!("http://{name}/{CHALLENGES}/");
            let cause = std::io::Error::other(said);
            break Err(HostError::on("answer challenges at", subject)(cause));
        }
        tokio::time::sleep(PAUSE).await;
    };
    // a file that stays there is nobody's secret
    let _ = std::fs::remove_file(&file);
    answered
}

/// RFC 8555 section 8.3.
const CHALLENGES: &str = ".well-known/acme-challenge";
const ANSWER: Duration = Duration::from_secs(5);
/// A reload takes up to 0.2 s (measured), and NGINX tries for 2.5 s to bind a port.
const PATIENCE: Duration = Duration::from_secs(15);
const PAUSE: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{host, made_up};

    fn stands(root: &Path, later: Duration) -> Standing {
        let deployment = made_up::acme();
        let site = &deployment.sites[0];
        let acme = site.certificate.kind.acme().expect("it is asked for");
        standing(site, acme, root, host::since_epoch() + later)
    }

    fn lacks(root: &Path, later: Duration) -> String {
        match stands(root, later) {
            Standing::Lacking(why) => why,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_certbot_keeps_is_good_once_it_is_in_its_place() {
        let root = tempfile::tempdir().expect("a folder");
        assert_eq!(lacks(root.path(), Duration::ZERO), "there is none yet");
        let chain = made_up::certbot(root.path(), &["a.example", "b.example"]);
        let Standing::Newer(kept) = stands(root.path(), Duration::ZERO) else {
            panic!("it is not in its place");
        };
        assert_eq!(kept.chain, chain.as_bytes());
        made_up::write(root.path(), "/etc/demo/tls/chain.pem", &chain);
        let key = String::from_utf8(kept.key).expect("PEM");
        made_up::write(root.path(), "/etc/demo/tls/key.pem", &key);
        assert_eq!(stands(root.path(), Duration::ZERO), Standing::Good);
        assert_eq!(
            lacks(root.path(), Duration::from_hours(91 * 24)),
            "it has ended"
        );
    }

    #[test]
    fn what_certbot_keeps_has_to_be_for_every_name_and_of_the_same_server() {
        let root = tempfile::tempdir().expect("a folder");
        made_up::certbot(root.path(), &["b.example"]);
        assert_eq!(
            lacks(root.path(), Duration::ZERO),
            "it is not for a.example"
        );
        made_up::certbot(root.path(), &["a.example"]);
        let renewal = "server = https://other.example/\nkey_type = ecdsa\n";
        made_up::write(root.path(), "/etc/letsencrypt/renewal/demo.conf", renewal);
        assert!(lacks(root.path(), Duration::ZERO).contains("another server"));
    }
}

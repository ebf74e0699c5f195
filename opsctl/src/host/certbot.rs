//! certbot, which speaks with ACME servers, and what it keeps.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use deploy::acme::Acme;
use deploy::words::Name;
use tokio::process::Command;

use super::files::below;
use crate::error::HostError;
use crate::host::find_program;

/// Set for certbot when a run of opsctl started it: that run puts the certificate into its place, and the hook has nothing to
/// do.
pub(crate) const WITHIN: &str = "OPSCTL_ISSUES";

/// Where certbot is.
pub(crate) fn find() -> Option<PathBuf> {
    find_program("certbot", std::env::var_os("PATH").as_deref())
}

/// Lets it do what the words say.
///
/// # Errors
/// When it fails: what it said is the cause.
pub(crate) async fn run(words: &[String]) -> Result<(), HostError> {
    let program = find().unwrap_or_else(|| "certbot".into());
    tracing::debug!(?words, "certbot");
    let mut command = Command::new(&program);
    command
        .args(words)
        .env(WITHIN, "1")
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let output = tokio::time::timeout(PATIENCE, command.output())
        .await
        .map_err(|_| std::io::Error::from(std::io::ErrorKind::TimedOut))
        .and_then(|output| output)
        .map_err(HostError::on("run", program.display()))?;
    if output.status.success() {
        return Ok(());
    }
    // what the server found fault with stands in standard output
    let said = [output.stdout, output.stderr].concat();
    let said = crate::ui::printable_lines(String::from_utf8_lossy(&said).trim());
    let cause = format!("it ended with {}:\n{said}", output.status);
    Err(HostError::on("run", program.display())(
        std::io::Error::other(cause),
    ))
}

/// What it keeps of one certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Kept {
    /// The chain, PEM.
    pub(crate) chain: Vec<u8>,
    /// The key, PEM.
    pub(crate) key: Vec<u8>,
    /// How it renews it.
    pub(crate) renewal: String,
}

impl Kept {
    /// The chain and the key.
    pub(crate) fn pems(self) -> [Vec<u8>; 2] {
        [self.chain, self.key]
    }
}

/// What it keeps of the certificate of a site on the machine below `root`; nothing where it has none.
pub(crate) fn kept(root: &Path, site: &Name) -> Option<Kept> {
    let read = |path: String| std::fs::read(below(root, &path)).ok();
    let live = Acme::live(site);
    Some(Kept {
        chain: read(format!("{live}/fullchain.pem"))?,
        key: read(format!("{live}/privkey.pem"))?,
        renewal: String::from_utf8(read(Acme::renewal(site))?).ok()?,
    })
}

/// It waits for the server, which waits for DNS and asks from several places: certbot's own deadline is 90 s a name.
const PATIENCE: Duration = Duration::from_mins(10);

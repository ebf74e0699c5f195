//! What an NGINX knows beyond its version, asked of it: distributions add directives to an old one.

use std::path::Path;

use deploy::Target;
use deploy::target::{false_trial, plain_trial};
use tempfile::TempDir;

use super::run;
use crate::host::files::{NewFile, replace};

/// The directives above its version that this NGINX takes: one `nginx -t` for each that may be missing, about 11 ms. None
/// where nothing can be tried.
pub(super) async fn backports(program: &Path, target: &Target) -> Vec<String> {
    let folder = tempfile::Builder::new().prefix("opsctl-trial-").tempdir();
    let Ok(folder) = folder else {
        return Vec::new();
    };
    // what refuses everything, or takes everything, says nothing by a trial
    let is_judge = takes(program, &folder, &plain_trial()).await
        && !takes(program, &folder, &false_trial()).await;
    let mut found = Vec::new();
    for directive in target.missing().filter(|_| is_judge) {
        if let Some(text) = directive.trial()
            && takes(program, &folder, &text).await
        {
            found.push(directive.name.to_owned());
        }
    }
    found
}

async fn takes(program: &Path, folder: &TempDir, text: &str) -> bool {
    let path = folder.path().join("trial.conf");
    let written = replace(NewFile {
        path: &path,
        contents: text.as_bytes(),
        mode: 0o600,
        owner: (None, None),
    });
    let prefix = format!("{}/", folder.path().display());
    let conf = path.display().to_string();
    let arguments = ["-t", "-q", "-p", &prefix, "-c", &conf, "-e", "stderr"].map(str::to_owned);
    written.is_ok() && run(program, &arguments).await.is_ok_and(|said| said.ok)
}

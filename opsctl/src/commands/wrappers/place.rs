//! The folder of the wrappers, which is replaced as a whole: so it has to be ours.

use std::path::{Path, PathBuf};

use findings::{Finding, Report};
use serde_json::{Value, json};
use wrappers::{File, Format};

use crate::cli::Wrappers;
use crate::error::{CommandError, HostError};
use crate::exit::Exit;
use crate::host::{files, folder};

/// Where wrappers go.
#[derive(Debug)]
pub(super) struct Place {
    /// The folder, with no link on its way.
    pub(super) folder: PathBuf,
    /// What the last run wrote down; nothing when there was none.
    manifest: Option<Value>,
}

impl Place {
    /// Looks at it.
    pub(super) fn of(out: &Path) -> Result<Self, CommandError> {
        let found = HostError::on("find", out.display());
        let folder = if out.exists() {
            out.canonicalize()
        } else {
            std::path::absolute(out)
        };
        let folder = folder.map_err(found)?;
        let refused = |what: &str| {
            let message = format!("`{}` {what}", out.display());
            let hint = "name a folder that is only for the wrappers: `--out DIR`";
            Err(CommandError::new(Exit::Usage, message).hint(hint))
        };
        if folder.exists() && !folder.is_dir() {
            return refused("is no folder");
        }
        let here = std::env::current_dir().unwrap_or_default();
        if here.starts_with(&folder) {
            return refused(
                "is the folder that you are in, or one above it, and would be replaced",
            );
        }
        let manifest = folder.join(MANIFEST);
        let manifest = if manifest.exists() {
            serde_json::from_str(&files::read_text_up_to(&manifest, probe::MAX_BODY)?).ok()
        } else {
            None
        };
        Ok(Self { folder, manifest })
    }

    /// That nothing is lost when the folder goes: no file of somebody else's, and no wrappers of a server that is only down.
    pub(super) fn may_be_replaced(
        &self,
        services: &[&str],
        arguments: &Wrappers,
    ) -> Result<(), CommandError> {
        let mut report = Report::new();
        let ours = self.listed("files");
        for file in folder::files_below(&self.folder)? {
            if file != MANIFEST && !ours.contains(&file.as_str()) {
                let message = format!(
                    "`{}` was not made by opsctl, and the folder is replaced as a whole",
                    self.folder.join(file).display()
                );
                let hint = "take it elsewhere, or name another folder";
                report.push(Finding::error("wrappers.foreign", message).hint(hint));
            }
        }
        let gone = self
            .listed("servers")
            .into_iter()
            .filter(|name| !services.contains(name));
        for name in gone.filter(|_| !arguments.prune && arguments.servers.is_empty()) {
            let message = format!(
                "the server `{name}` has wrappers here and is not in the catalog: it may be down"
            );
            let hint = "`--prune` takes its wrappers away";
            report.push(Finding::error("wrappers.gone", message).hint(hint));
        }
        if report.has_errors() {
            return Err(CommandError::found(Exit::Usage, report));
        }
        Ok(())
    }

    fn listed(&self, member: &str) -> Vec<&str> {
        let list = self
            .manifest
            .as_ref()
            .and_then(|manifest| manifest[member].as_array());
        list.into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect()
    }
}

/// The files, and the one by which the next run knows them.
pub(super) fn with_manifest(mut files: Vec<File>, format: Format, services: &[&str]) -> Vec<File> {
    let paths: Vec<_> = files.iter().map(|file| file.path.as_str()).collect();
    let manifest = json!({
        "made_by": "opsctl wrappers",
        "format": format.name(),
        "servers": services,
        "files": paths,
    });
    files.push(File {
        path: MANIFEST.to_owned(),
        text: format!("{manifest:#}\n"),
        executable: false,
    });
    files
}

const MANIFEST: &str = ".wrappers.json";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::folder::replace;

    fn arguments(out: &Path) -> Wrappers {
        Wrappers {
            from: String::new(),
            out: out.to_owned(),
            check: false,
            templates: None,
            servers: Vec::new(),
            skip: Vec::new(),
            prune: false,
            ca: None,
        }
    }

    fn made(folder: &Path, services: &[&str]) {
        let file = File {
            path: "a".to_owned(),
            text: "text\n".to_owned(),
            executable: true,
        };
        let files = with_manifest(vec![file], Format::Bash, services);
        let parts: Vec<_> = files
            .iter()
            .map(|file| (file.path.as_str(), file.text.as_str(), 0o644))
            .collect();
        replace(folder, &parts).expect("made");
    }

    fn judged(folder: &Path, services: &[&str], prune: bool) -> Vec<String> {
        let place = Place::of(folder).expect("a place");
        let arguments = Wrappers {
            prune,
            ..arguments(folder)
        };
        match place.may_be_replaced(services, &arguments) {
            Ok(()) => Vec::new(),
            Err(error) => error
                .findings
                .findings()
                .iter()
                .map(|one| one.id.clone())
                .collect(),
        }
    }

    #[test]
    fn a_folder_with_somebody_elses_files_is_not_replaced() {
        let above = tempfile::tempdir().expect("a folder");
        let folder = above.path().join("x");
        assert!(judged(&folder, &["s"], false).is_empty());
        replace(&folder, &[("mine", "text", 0o644)]).expect("made");
        assert_eq!(judged(&folder, &["s"], false), ["wrappers.foreign"]);
        assert!(Place::of(&folder.join("mine")).is_err());
        assert!(Place::of(Path::new(".")).is_err());
    }

    #[test]
    fn wrappers_of_a_server_that_is_down_stay() {
        let above = tempfile::tempdir().expect("a folder");
        let folder = above.path().join("x");
        made(&folder, &["git", "time"]);
        assert!(judged(&folder, &["git", "time", "new"], false).is_empty());
        assert_eq!(judged(&folder, &["time"], false), ["wrappers.gone"]);
        assert!(judged(&folder, &["time"], true).is_empty());
    }
}

//! What the service manager is told, in the order of the plan.

use std::path::Path;
use std::time::Duration;

use deploy::plan::{Content, Step, Verb};

use crate::error::HostError;
use crate::host::services::{self, Services};
use crate::host::units::Unit;
use crate::state::State;

/// Tells the service manager of the machine below `root`.
#[derive(Clone, Copy)]
pub(crate) struct Units<'a> {
    /// The folder that the machine's paths are below.
    pub(crate) root: &'a Path,
    /// Where the texts are kept.
    pub(crate) state: &'a State,
    /// The service manager.
    pub(crate) services: &'a Services,
}

impl Units<'_> {
    /// Makes the accounts that a plan names, from the text that is to become their file: the files that come with it may
    /// belong to them.
    pub(crate) async fn make_accounts(&self, steps: &[Step]) -> Result<(), HostError> {
        for step in steps {
            let Step::MakeAccounts { file } = step else {
                continue;
            };
            let text = steps.iter().find_map(|step| match step {
                Step::Change(change) if change.path == *file => match &change.after {
                    Content::File { digest, .. } => Some(self.state.texts().join(digest)),
                    _ => None,
                },
                _ => None,
            });
            let mut words = Vec::new();
            if self.root != Path::new("/") {
                words.push(format!("--root={}", self.root.display()));
            }
            words.push(text.map_or_else(|| file.clone(), |text| text.display().to_string()));
            services::run(Path::new("systemd-sysusers"), &words, PATIENCE).await?;
        }
        Ok(())
    }

    /// Does what one step says; a change of files, and what makes one, is none of it.
    pub(crate) async fn tell(&self, step: &Step) -> Result<(), HostError> {
        match step {
            Step::Change(_) | Step::MakeAccounts { .. } | Step::Issue(_) => Ok(()),
            Step::MakeRuntimeFolders { file } => {
                let words = ["--create".to_owned(), file.clone()];
                services::run(Path::new("systemd-tmpfiles"), &words, PATIENCE)
                    .await
                    .map(|_| ())
            }
            Step::ReadUnits => self.services.read_again().await,
            Step::Units { verb, units, .. } => self.services.tell(verb.word(), units).await,
        }
    }

    /// The same on the way back, where it is not known how far the way forward went: only what is needed is done.
    pub(crate) async fn tell_where_needed(&self, step: &Step) -> Result<(), HostError> {
        let Step::Units { verb, units, why } = step else {
            return self.tell(step).await;
        };
        let shown = self.services.by_name(units).await?;
        let needed = |unit: &&String| shown.get(*unit).is_some_and(|unit| is_needed(*verb, unit));
        let units: Vec<_> = units.iter().filter(needed).cloned().collect();
        let step = Step::Units {
            verb: *verb,
            units,
            why: why.clone(),
        };
        self.tell(&step).await
    }
}

fn is_needed(verb: Verb, unit: &Unit) -> bool {
    let is_there = unit.load == "loaded";
    let state = unit.state();
    match verb {
        Verb::Enable => is_there && !state.enabled,
        Verb::Disable => state.enabled,
        Verb::Start => is_there && !state.active,
        // one that failed is stopped too, so that its failure is forgotten
        Verb::Stop => state.active || unit.active == "failed",
        Verb::Restart => is_there,
        Verb::Reload => state.active,
    }
}

/// Both read a file and make a few entries; a slow name service is waited for.
const PATIENCE: Duration = Duration::from_mins(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn on_the_way_back_only_what_is_needed_is_told() {
        let unit = |load: &str, boot: &str, active: &str| Unit {
            load: load.into(),
            boot: boot.into(),
            active: active.into(),
            ..Unit::default()
        };
        let unknown = unit("not-found", "", "inactive");
        for verb in [Verb::Stop, Verb::Disable, Verb::Restart, Verb::Reload] {
            assert!(!is_needed(verb, &unknown), "{verb:?}");
        }
        let runs = unit("loaded", "enabled", "active");
        assert!(is_needed(Verb::Stop, &runs) && !is_needed(Verb::Start, &runs));
        assert!(is_needed(Verb::Disable, &runs) && !is_needed(Verb::Enable, &runs));
    }
}

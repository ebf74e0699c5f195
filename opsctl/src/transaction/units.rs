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
        let mut told: Vec<(Verb, Vec<String>)> = Vec::new();
        for unit in units {
            let Some(verb) = shown.get(unit).and_then(|unit| needed(*verb, unit)) else {
                continue;
            };
            match told.iter_mut().find(|(other, _)| *other == verb) {
                Some((_, units)) => units.push(unit.clone()),
                None => told.push((verb, vec![unit.clone()])),
            }
        }
        for (verb, units) in told {
            let why = why.clone();
            let told = self.tell(&Step::Units { verb, units, why }).await;
            match told {
                // what did not read the new files keeps the old ones, and what runs is asked before it counts as restored
                Err(error) if verb == Verb::Reload => {
                    tracing::warn!(%error, cause = %error.source, "a reload on the way back failed");
                }
                told => told?,
            }
        }
        Ok(())
    }
}

/// What a unit has to be told on the way back; nothing where it is as it should be.
fn needed(verb: Verb, unit: &Unit) -> Option<Verb> {
    let is_there = unit.load == "loaded";
    let state = unit.state();
    let is_needed = match verb {
        Verb::Enable => is_there && !state.enabled,
        Verb::Disable => state.enabled,
        Verb::Start => is_there && !state.active,
        // one that failed is stopped too, so that its failure is forgotten
        Verb::Stop => state.active || unit.active == "failed",
        Verb::Restart => is_there,
        Verb::Reload if unit.is_up() => true,
        // it died over what it was to read, and what it served before is there again
        Verb::Reload => {
            let has_died = is_there && (state.active || unit.active == "failed");
            return has_died.then_some(Verb::Restart);
        }
    };
    is_needed.then_some(verb)
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
            assert_eq!(needed(verb, &unknown), None, "{verb:?}");
        }
        let runs = unit("loaded", "enabled", "active");
        for (verb, is_needed) in [
            (Verb::Stop, true),
            (Verb::Start, false),
            (Verb::Disable, true),
            (Verb::Enable, false),
            (Verb::Reload, true),
        ] {
            assert_eq!(needed(verb, &runs), is_needed.then_some(verb));
        }
    }

    #[test]
    fn what_died_over_a_reload_is_started_again_and_what_somebody_stopped_is_not() {
        for (active, expected) in [
            ("failed", Some(Verb::Restart)),
            ("activating", Some(Verb::Restart)),
            ("reloading", Some(Verb::Reload)),
            ("inactive", None),
        ] {
            let unit = Unit {
                load: "loaded".into(),
                active: active.into(),
                ..Unit::default()
            };
            assert_eq!(needed(Verb::Reload, &unit), expected, "{active}");
        }
    }
}

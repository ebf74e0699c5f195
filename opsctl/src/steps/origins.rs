//! When an origin has taken up its configuration: that `systemctl reload` ended well says only that it was asked to.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use deploy::plan::{Plan, Verb};
use deploy::{Deployment, Site};
use findings::Finding;
use serde_json::Value;

use crate::survey::capabilities;

/// The origins before they were told anything, by site; those that did not answer are missing.
#[derive(Debug, Default)]
pub(crate) struct Origins(BTreeMap<String, Seen>);

/// What an origin says of its configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Seen {
    generation: String,
    /// How often it has read it again.
    reloads: u64,
    /// Why it took nothing up the last time.
    refused: Option<String>,
    /// The keys whose old value counts until it starts anew.
    waiting: Vec<String>,
}

impl Origins {
    /// Looks at the origins of a deployment.
    pub(crate) async fn look(deployment: &Deployment) -> Self {
        let mut origins = BTreeMap::new();
        for site in &deployment.sites {
            if let Some(document) = capabilities(site).await {
                origins.insert(site.name.to_string(), Seen::read(&document));
            }
        }
        Self(origins)
    }

    /// Waits until every origin that was told to reload runs with the whole configuration of the deployment.
    ///
    /// # Errors
    /// The finding says what an origin made of its configuration.
    pub(crate) async fn settled(
        &self,
        deployment: &Deployment,
        plan: &Plan,
    ) -> Result<(), Finding> {
        for (site, before) in self.reloaded(deployment, plan) {
            let wanted = &site.origin.generation;
            wait(site, |now| now.against(before, wanted)).await?;
        }
        Ok(())
    }

    /// After the way back: waits until every origin that was told to reload names its generation of before.
    ///
    /// # Errors
    /// The finding names the one that does not.
    pub(crate) async fn are_back(
        &self,
        deployment: &Deployment,
        plan: &Plan,
    ) -> Result<(), Finding> {
        for (site, before) in self.reloaded(deployment, plan) {
            let is_back = |now: &Seen| {
                if now.generation == before.generation {
                    Verdict::Good
                } else {
                    now.names_another()
                }
            };
            wait(site, is_back).await?;
        }
        Ok(())
    }

    fn reloaded<'o>(
        &'o self,
        deployment: &'o Deployment,
        plan: &'o Plan,
    ) -> impl Iterator<Item = (&'o Site, &'o Seen)> {
        let is_told = |site: &&Site| {
            let unit = unit_of(site);
            let mut told = plan.services();
            told.any(|(verb, told)| verb == Verb::Reload && told == unit)
        };
        let sites = deployment.sites.iter().filter(is_told);
        sites.filter_map(|site| Some((site, self.0.get(site.name.as_str())?)))
    }
}

/// What is made of an answer.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    /// It is as it should be.
    Good,
    /// It may still come: what is there now.
    NotYet(String),
    /// It will not come, and why.
    Refused(String),
}

impl Seen {
    /// Reads the document of `/capz`, as the admin listener shows it.
    fn read(document: &Value) -> Self {
        let last = &document["last_reload"];
        let waiting = document["waiting_for_restart"].as_array();
        let words = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Self {
            generation: words(&document["generation"]),
            reloads: last["number"].as_u64().unwrap_or_default(),
            refused: (last["taken_up"] == false).then(|| words(&last["status"])),
            waiting: waiting.into_iter().flatten().map(words).collect(),
        }
    }

    /// Whether it has taken up the generation that is wanted since it was as before.
    fn against(&self, before: &Self, wanted: &str) -> Verdict {
        // one that ended over it has started with it, and counts anew
        let is_over = self.reloads > before.reloads || self.generation != before.generation;
        match &self.refused {
            _ if !is_over => Verdict::NotYet("it has not read it yet".to_owned()),
            Some(why) => Verdict::Refused(why.clone()),
            None if !self.waiting.is_empty() => Verdict::Refused(format!(
                "it needs a restart for `{}`",
                self.waiting.join("`, `")
            )),
            None if self.generation == wanted => Verdict::Good,
            None => self.names_another(),
        }
    }

    fn names_another(&self) -> Verdict {
        Verdict::NotYet(format!("it names generation {}", self.generation))
    }
}

async fn wait(site: &Site, judge: impl Fn(&Seen) -> Verdict) -> Result<(), Finding> {
    let start = Instant::now();
    loop {
        let verdict = match capabilities(site).await {
            Some(document) => judge(&Seen::read(&document)),
            None => Verdict::NotYet("it does not answer".to_owned()),
        };
        let why = match verdict {
            Verdict::Good => return Ok(()),
            Verdict::Refused(why) => why,
            Verdict::NotYet(why) if start.elapsed() > PATIENCE => {
                format!("{why} after {} s", PATIENCE.as_secs())
            }
            Verdict::NotYet(_) => {
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let message = format!(
            "the origin of `{}` did not take up its configuration: {why}",
            site.name
        );
        let unit = unit_of(site);
        let hint = format!(
            "`journalctl -u {unit}` says more; after `systemctl restart {unit}` it runs what its file says"
        );
        return Err(Finding::error("origin.reload", message).hint(hint));
    }
}

fn unit_of(site: &Site) -> String {
    format!("{}-origin.service", site.name)
}

/// It reads a file and compares; a busy machine is waited for.
const PATIENCE: Duration = Duration::from_secs(15);
const PAUSE: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn seen(generation: &str, reloads: u64) -> Seen {
        Seen {
            generation: generation.to_owned(),
            reloads,
            ..Seen::default()
        }
    }

    #[test]
    fn an_origin_is_asked_until_it_has_read_the_file_and_names_the_generation() {
        let before = seen("a", 3);
        let after = |now: Seen, wanted| now.against(&before, wanted);
        assert!(matches!(after(seen("a", 3), "b"), Verdict::NotYet(_)));
        // a hand edit has no generation of its own
        assert!(matches!(after(seen("a", 3), "a"), Verdict::NotYet(_)));
        assert_eq!(after(seen("a", 4), "a"), Verdict::Good);
        assert!(matches!(after(seen("a", 4), "b"), Verdict::NotYet(_)));
        assert_eq!(after(seen("b", 4), "b"), Verdict::Good);
        assert_eq!(after(seen("b", 0), "b"), Verdict::Good);
    }

    #[test]
    fn what_it_refuses_and_what_waits_for_a_restart_are_said_at_once() {
        let document = json!({
            "generation": "a",
            "waiting_for_restart": ["bind", "metrics"],
            "last_reload": {"number": 1, "taken_up": true, "status": "waiting for a restart: bind, metrics"},
        });
        let why = "it needs a restart for `bind`, `metrics`".to_owned();
        let now = Seen::read(&document);
        assert_eq!(now.against(&seen("a", 0), "b"), Verdict::Refused(why));
        let document = json!({
            "generation": "a",
            "last_reload": {"number": 1, "taken_up": false, "status": "it has errors"},
        });
        let refused = Verdict::Refused("it has errors".to_owned());
        assert_eq!(Seen::read(&document).against(&seen("a", 0), "b"), refused);
    }
}

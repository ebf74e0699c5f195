//! Units that are told one thing together, each with its reason.

use std::collections::BTreeSet;

/// Units and why: the reasons are named once each, with the service that they are about where there are several.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    units: BTreeSet<String>,
    why: Vec<(String, String)>,
}

impl Told {
    /// One more unit, and the reason that its service has.
    pub(super) fn add(&mut self, unit: &str, service: &str, why: &str) {
        self.units.insert(unit.to_owned());
        let reason = (service.to_owned(), why.to_owned());
        if !self.why.contains(&reason) {
            self.why.push(reason);
        }
    }

    /// Whether a unit is among them.
    pub(super) fn has(&self, unit: &str) -> bool {
        self.units.contains(unit)
    }

    /// The units, in the order of their names.
    pub(super) fn units(&self) -> impl Iterator<Item = &String> {
        self.units.iter()
    }

    /// The units for a step, and its reason.
    pub(super) fn into_step(self) -> (Vec<String>, String) {
        let services: BTreeSet<_> = self.why.iter().map(|(service, _)| service).collect();
        let words: Vec<_> = self
            .why
            .iter()
            .map(|(service, why)| match services.len() {
                1 => why.clone(),
                _ => format!("{service}: {why}"),
            })
            .collect();
        let why = words.join("; ");
        (self.units.into_iter().collect(), why)
    }
}

//! A machine made of maps, which does what a plan says and nothing else.

use super::*;
use crate::layout::{Layout, Paths};
use crate::render::{Component, Rendered, RenderedFile};

/// A machine on which a deployment called `demo` is applied.
pub(super) struct Machine {
    pub(super) is: Inventory,
    pub(super) name: Name,
    pub(super) paths: Paths,
    pub(super) generation: GenerationId,
}

impl Machine {
    pub(super) fn new() -> Self {
        let name: Name = "demo".parse().expect("a name");
        Self {
            is: Inventory::default(),
            paths: Layout::Debian.paths(&name).expect("paths"),
            name,
            generation: "0123456789abcdef".parse().expect("a generation"),
        }
    }

    pub(super) fn plan(&self, rendered: &Rendered, options: Options) -> Result<Plan, Conflicts> {
        let goal = Goal {
            name: &self.name,
            paths: &self.paths,
            generation: (!rendered.files.is_empty()).then_some(&self.generation),
            rendered,
        };
        plan(&self.is, goal, options)
    }

    /// Plans and applies.
    pub(super) fn apply(&mut self, rendered: &Rendered) -> Plan {
        let plan = self
            .plan(rendered, SERVICES)
            .unwrap_or_else(|conflicts| panic!("{conflicts}"));
        self.take(&plan.steps, &plan.texts);
        plan
    }

    /// Takes steps. Every change finds what it expects, or the plan is wrong.
    pub(super) fn take(&mut self, steps: &[Step], texts: &BTreeMap<String, String>) {
        for step in steps {
            match step {
                Step::Change(change) => self.change(change, texts),
                Step::Units { verb, units, .. } => {
                    for unit in units {
                        self.tell(*verb, unit);
                    }
                }
                _ => {}
            }
        }
        let text = self.is.text(&Baseline::path(&self.paths));
        self.is.baseline = text.map(|text| Baseline::read(text).expect("a baseline"));
    }

    fn change(&mut self, change: &Change, texts: &BTreeMap<String, String>) {
        assert_eq!(
            self.is.content(&change.path),
            &change.before,
            "{}",
            change.path
        );
        if change.after == Content::Absent {
            let below = format!("{}/", change.path);
            // a folder that something else is in stays
            if !self.is.found.keys().any(|path| path.starts_with(&below)) {
                self.is.found.remove(&change.path);
            }
            return;
        }
        let text = change.after.digest().map(|digest| {
            let text = texts.get(digest).expect("the plan carries its texts");
            assert_eq!(super::digest(text.as_bytes()), digest);
            text.clone()
        });
        let content = change.after.clone();
        self.is
            .found
            .insert(change.path.clone(), Found { content, text });
    }

    fn tell(&mut self, verb: Verb, unit: &str) {
        let state = self.is.units.entry(unit.to_owned()).or_default();
        match verb {
            Verb::Enable => state.enabled = true,
            Verb::Disable => state.enabled = false,
            Verb::Start | Verb::Restart => state.active = true,
            Verb::Stop => state.active = false,
            Verb::Reload => assert!(state.active, "only what runs can be reloaded"),
        }
    }

    /// Lets the origin say that it runs a generation.
    pub(super) fn runs(&mut self, generation: &str) {
        let origin = RunningOrigin {
            generation: generation.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        self.is.running.origins.insert("demo".to_owned(), origin);
    }

    /// What a hand does to a file.
    pub(super) fn edit(&mut self, path: &str, text: &str) {
        let owner = Ownership::Writer;
        let found = Found::file(text.as_bytes().to_vec(), 0o644, owner);
        self.is.found.insert(path.to_owned(), found);
    }

    pub(super) fn text(&self, path: &str) -> Option<&str> {
        self.is.text(path)
    }
}

/// A rendering of these files of NGINX.
pub(super) fn rendered(files: &[(&str, &str)]) -> Rendered {
    let file = |(path, contents): &(&str, &str)| RenderedFile {
        path: (*path).to_owned(),
        contents: (*contents).to_owned(),
        mode: 0o644,
        owner: None,
        component: match path.rsplit_once('.') {
            Some((_, "conf")) => Component::Edge,
            Some((_, "toml")) => Component::Origin("demo".parse().expect("a name")),
            _ => Component::Services,
        },
    };
    let mut files: Vec<_> = files.iter().map(file).collect();
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Rendered {
        files,
        directories: Vec::new(),
    }
}

pub(super) const SERVICES: Options = Options {
    restore: false,
    overwrite: false,
    services: true,
};

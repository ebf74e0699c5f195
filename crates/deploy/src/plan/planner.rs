//! All files of a deployment, decided one by one, and what follows from them.

use std::collections::{BTreeMap, BTreeSet};

use super::Plan;
use super::baseline::{BaseFile, BaseFolder, Baseline};
use super::conflict::{Conflict, Conflicts};
use super::content::{Content, Ownership, digest};
use super::decide::{Decision, Sides, Target, decide, in_the_way, set_aside_path};
use super::inventory::{Inventory, folders_above};
use super::note::{Note, NoteKind};
use super::order::{Work, steps};
use super::step::{Change, Why};
use super::units::{self, Seen};
use crate::deployment::Deployment;
use crate::layout::Paths;
use crate::render::{Component, Rendered, RenderedFile};
use crate::words::{GenerationId, Name};

/// What the machine is to be.
#[derive(Debug, Clone, Copy)]
pub struct Goal<'a> {
    /// The deployment.
    pub name: &'a Name,
    /// Its paths.
    pub paths: &'a Paths,
    /// The generation of the rendering; none where the deployment is to go.
    pub generation: Option<&'a GenerationId>,
    /// The rendering; an empty one where the deployment is to go.
    pub rendered: &'a Rendered,
}

impl<'a> Goal<'a> {
    /// A deployment as it is rendered.
    pub fn of(deployment: &'a Deployment, rendered: &'a Rendered) -> Self {
        Self {
            name: &deployment.name,
            paths: &deployment.paths,
            generation: Some(&deployment.generation),
            rendered,
        }
    }

    /// The users that the rendering has `systemd-sysusers` make, each with a group of the same name.
    pub fn users(&self) -> impl Iterator<Item = &'a str> {
        let files = self.rendered.files.iter();
        // sysusers.d(5): `u NAME …` makes a user
        files
            .filter(|file| file.path.starts_with("/etc/sysusers.d/"))
            .flat_map(|file| file.contents.lines())
            .filter_map(|line| line.strip_prefix("u ")?.split(' ').next())
    }
}

/// What a plan may do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options {
    /// Bring back what a hand deleted.
    pub restore: bool,
    /// Put the rendering in the place of hand edits, which are kept beside it: for the way back to a generation.
    pub overwrite: bool,
    /// Make accounts and tell systemd; without it only files are put in place.
    pub services: bool,
}

/// Plans the way from a machine to a goal.
///
/// # Errors
/// [`Conflicts`] where a person has to decide first: all of them, and nothing is to be done.
pub fn plan(inventory: &Inventory, goal: Goal<'_>, options: Options) -> Result<Plan, Conflicts> {
    let mut planner = Planner {
        inventory,
        goal,
        options,
        changes: Vec::new(),
        notes: Vec::new(),
        conflicts: Vec::new(),
        texts: BTreeMap::new(),
        files: BTreeMap::new(),
        news: BTreeSet::new(),
    };
    planner.files();
    let folders = planner.folders();
    if !planner.conflicts.is_empty() {
        planner.conflicts.sort_by(|a, b| a.path.cmp(&b.path));
        return Err(Conflicts(planner.conflicts));
    }
    planner.memory(folders);
    Ok(planner.finish())
}

struct Planner<'a> {
    inventory: &'a Inventory,
    goal: Goal<'a>,
    options: Options,
    changes: Vec<Change>,
    notes: Vec<Note>,
    conflicts: Vec<Conflict>,
    texts: BTreeMap<String, String>,
    /// What is to be remembered of each file.
    files: BTreeMap<String, BaseFile>,
    /// Paths whose readers have not read what will be there.
    news: BTreeSet<String>,
}

impl Planner<'_> {
    fn base(&self, path: &str) -> Option<&BaseFile> {
        self.inventory.baseline.as_ref()?.files.get(path)
    }

    /// Decides about every file of the rendering now and of the one before.
    fn files(&mut self) {
        let goal = self.goal;
        for rendered in &goal.rendered.files {
            self.file(&rendered.path, Some(rendered));
        }
        let wanted: BTreeSet<_> = goal.rendered.files.iter().map(|file| &file.path).collect();
        let before = self
            .inventory
            .baseline
            .iter()
            .flat_map(|base| base.files.keys());
        for path in before.filter(|path| !wanted.contains(path)) {
            self.file(path, None);
        }
    }

    fn file(&mut self, path: &str, rendered: Option<&RenderedFile>) {
        let base = self.base(path);
        let sides = Sides {
            base,
            rendered,
            found: self.inventory.found.get(path),
            accounts: &self.inventory.accounts,
            restore: self.options.restore,
            overwrite: self.options.overwrite,
        };
        let component = rendered
            .map(|file| &file.component)
            .or(base.map(|base| &base.component))
            .cloned();
        match decide(sides) {
            Ok(decision) => self.take(path, rendered, component, decision),
            Err(kind) => self.conflicts.push(Conflict {
                path: path.to_owned(),
                kind,
            }),
        }
    }

    fn take(
        &mut self,
        path: &str,
        rendered: Option<&RenderedFile>,
        component: Option<Component>,
        decision: Decision,
    ) {
        if let Some(kind) = decision.note {
            self.note(path, kind);
        }
        if let Some(text) = decision.set_aside {
            self.set_aside(path, text);
        }
        let found = self.inventory.content(path).digest().map(str::to_owned);
        let installed = match decision.write {
            None => found.clone(),
            Some((target, why)) => {
                let after = self.content(target);
                let digest = after.digest().map(str::to_owned);
                self.change(path, after, component, why);
                digest
            }
        };
        // where nothing is remembered the running programs are asked, not the disk
        let taken_over = decision.note == Some(NoteKind::TakenOver);
        let is_new = self.base(path).map(|base| &base.installed) != Some(&installed);
        // somebody may have had a hand edit read that goes again
        if (is_new && !taken_over) || found != installed {
            self.news.insert(path.to_owned());
        }
        if let Some(rendered) = rendered {
            let file = self.remembered(rendered, installed);
            self.files.insert(path.to_owned(), file);
        }
    }

    /// A text that says the same but for the generation stays in memory as it was: nothing has changed.
    fn remembered(&self, rendered: &RenderedFile, installed: Option<String>) -> BaseFile {
        let before = self.base(&rendered.path);
        let same = before.filter(|base| base.has_text(&rendered.contents));
        BaseFile {
            text: same.map_or(&rendered.contents, |base| &base.text).clone(),
            mode: rendered.mode,
            owner: Ownership::rendered(rendered.owner.as_ref()),
            component: rendered.component.clone(),
            installed,
        }
    }

    /// Makes the folders that are missing, lets those go that nothing needs any more, and returns what to remember.
    fn folders(&mut self) -> BTreeMap<String, BaseFolder> {
        let mut wanted: BTreeMap<String, (u32, Ownership)> = BTreeMap::new();
        let writes = self
            .changes
            .iter()
            .filter(|change| change.after != Content::Absent);
        let new_files: Vec<_> = writes.map(|change| &change.path).collect();
        let explicit = &self.goal.rendered.directories;
        for path in explicit.iter().map(|folder| &folder.path).chain(new_files) {
            for above in folders_above(path) {
                wanted.entry(above).or_insert((0o755, Ownership::Writer));
            }
        }
        for folder in explicit {
            let owner = Ownership::rendered(folder.owner.as_ref());
            wanted.insert(folder.path.clone(), (folder.mode, owner));
        }
        let mut remembered = BTreeMap::new();
        for (path, (mode, owner)) in wanted {
            let found = self.inventory.content(&path).clone();
            let made = self.made(&path) || found == Content::Absent;
            if made || explicit.iter().any(|folder| folder.path == path) {
                let owner = owner.clone();
                remembered.insert(path.clone(), BaseFolder { mode, owner, made });
            }
            match found {
                Content::Folder { .. } => {}
                Content::Absent => {
                    self.change(&path, Content::Folder { mode, owner }, None, Why::New);
                }
                other => self.conflicts.push(Conflict {
                    kind: in_the_way(&other, "a folder"),
                    path,
                }),
            }
        }
        self.retired_folders(&mut remembered);
        remembered
    }

    fn retired_folders(&mut self, remembered: &mut BTreeMap<String, BaseFolder>) {
        let inventory = self.inventory;
        let Some(baseline) = &inventory.baseline else {
            return;
        };
        let stays = |path: &str| {
            let below = format!("{path}/");
            self.files.keys().any(|file| file.starts_with(&below))
        };
        let (kept, gone): (Vec<_>, Vec<_>) = baseline
            .folders
            .iter()
            .filter(|(path, _)| !remembered.contains_key(*path))
            .partition(|(path, folder)| !folder.made || stays(path));
        for (path, folder) in kept.into_iter().filter(|(path, _)| stays(path)) {
            remembered.insert(path.clone(), folder.clone());
        }
        for (path, _) in gone {
            if matches!(inventory.content(path), Content::Folder { .. }) {
                self.change(path, Content::Absent, None, Why::Retired);
            }
        }
    }

    fn made(&self, path: &str) -> bool {
        let baseline = self.inventory.baseline.as_ref();
        baseline.is_some_and(|base| base.folders.get(path).is_some_and(|folder| folder.made))
    }

    /// Remembers what was rendered: one more file, which comes and goes with the others.
    fn memory(&mut self, folders: BTreeMap<String, BaseFolder>) {
        let path = Baseline::path(self.goal.paths);
        let after = match self.goal.generation {
            None => Content::Absent,
            Some(generation) => {
                let baseline = Baseline {
                    format: Baseline::FORMAT,
                    opsctl: env!("CARGO_PKG_VERSION").to_owned(),
                    deployment: self.goal.name.clone(),
                    generation: generation.clone(),
                    files: self.files.clone(),
                    folders,
                    snippets: self.snippets(),
                };
                self.content(Target::File {
                    text: baseline.write(),
                    mode: 0o600,
                    owner: Ownership::Writer,
                })
            }
        };
        if self.inventory.content(&path).digest() != after.digest() {
            self.change(&path, after, None, Why::Memory);
        }
    }

    /// The digests of the snippets that NGINX reads.
    fn snippets(&self) -> BTreeMap<String, String> {
        units::snippets(self.inventory, self.goal.paths)
    }

    fn set_aside(&mut self, path: &str, text: String) {
        let aside = set_aside_path(path, &text);
        let (mode, owner) = match self.inventory.content(path).rights() {
            Some((mode, owner)) => (mode, owner.clone()),
            None => (0o600, Ownership::Writer),
        };
        let after = self.content(Target::File { text, mode, owner });
        // its name holds the digest of its text: where it is there already it is the same
        if self.inventory.content(&aside) == &Content::Absent {
            self.change(&aside, after, None, Why::SetAside);
        }
    }

    /// The content of a target, whose text the plan then carries.
    fn content(&mut self, target: Target) -> Content {
        match target {
            Target::Absent => Content::Absent,
            Target::File { text, mode, owner } => {
                let content = Content::File {
                    digest: digest(text.as_bytes()),
                    mode,
                    owner,
                };
                let key = content.digest().unwrap_or_default().to_owned();
                self.texts.insert(key, text);
                content
            }
        }
    }

    fn change(&mut self, path: &str, after: Content, component: Option<Component>, why: Why) {
        self.changes.push(Change {
            path: path.to_owned(),
            before: self.inventory.content(path).clone(),
            after,
            component,
            why,
        });
    }

    fn note(&mut self, path: &str, kind: NoteKind) {
        self.notes.push(Note {
            path: path.to_owned(),
            kind,
        });
    }

    fn seen(&self) -> Seen<'_> {
        Seen {
            inventory: self.inventory,
            goal: self.goal,
            news: &self.news,
            changes: &self.changes,
            texts: &self.texts,
        }
    }

    fn finish(mut self) -> Plan {
        let needed: BTreeSet<_> = self
            .changes
            .iter()
            .filter_map(|change| change.after.digest())
            .collect();
        self.texts
            .retain(|digest, _| needed.contains(digest.as_str()));
        let services = self.options.services.then(|| units::work(&self.seen()));
        let work = Work {
            pieces: self.goal.paths.pieces.as_str(),
            changes: self.changes,
            services,
        };
        let expects = Inventory::paths(
            self.goal.rendered,
            self.inventory.baseline.as_ref(),
            self.goal.paths,
        )
        .into_iter()
        .map(|path| {
            let content = self.inventory.content(&path).clone();
            (path, content)
        })
        .collect();
        Plan {
            format: Plan::FORMAT,
            opsctl: env!("CARGO_PKG_VERSION").to_owned(),
            deployment: self.goal.name.clone(),
            generation: self.goal.generation.cloned(),
            steps: steps(work),
            notes: self.notes,
            texts: self.texts,
            expects,
            nginx: self.inventory.nginx.clone(),
        }
    }
}

//! Every call that changes the disk during a transaction fails, or is the last before the power goes: what the machine is
//! like then, and after the next run. The table of it is `docs/crash-points.md`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use deploy::plan::{Change, Content, Ownership, Step, Why, digest};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::error::HostError;
use crate::generations::{Draft, Generation, Generations};
use crate::host::content;
use crate::host::disk::{Disk, Ids, Real};
use crate::host::files::NewFile;
use crate::host::services::Services;
use crate::state::State;

/// What happens at one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// It fails, and the next ones do not.
    Once,
    /// No call that needs room on the disk succeeds from here on.
    Full,
    /// No call succeeds from here on.
    ReadOnly,
    /// The process ends before it.
    Before,
    /// The process ends in the middle of it.
    Within,
    /// The process ends after it.
    After,
}

/// A disk on which the call of one number fails.
struct Faulty {
    fault: Fault,
    at: usize,
    calls: Mutex<Vec<String>>,
}

impl Faulty {
    fn new(fault: Fault, at: usize) -> Self {
        Self {
            fault,
            at,
            calls: Mutex::new(Vec::new()),
        }
    }

    fn call(
        &self,
        what: String,
        needs_room: bool,
        half: impl FnOnce(),
        whole: impl FnOnce() -> Result<(), HostError>,
    ) -> Result<(), HostError> {
        let number = {
            let mut calls = self.calls.lock().expect("one thread");
            calls.push(what);
            calls.len() - 1
        };
        let hit = number == self.at;
        let later = number > self.at;
        let refused =
            |kind: std::io::ErrorKind| Err(HostError::on("write", "the disk")(kind.into()));
        match self.fault {
            _ if !hit && !later => whole(),
            Fault::Once if hit => refused(std::io::ErrorKind::Other),
            Fault::Full if needs_room => refused(std::io::ErrorKind::StorageFull),
            Fault::Once | Fault::Full => whole(),
            Fault::ReadOnly => refused(std::io::ErrorKind::ReadOnlyFilesystem),
            Fault::After if hit => whole().and_then(|()| refused(std::io::ErrorKind::BrokenPipe)),
            Fault::Within if hit => {
                half();
                refused(std::io::ErrorKind::BrokenPipe)
            }
            Fault::Before | Fault::Within | Fault::After => refused(std::io::ErrorKind::BrokenPipe),
        }
    }
}

fn name(path: &Path) -> String {
    let text = path.display().to_string();
    let start = text.find("/etc/").or_else(|| text.find("/var/lib/"));
    text[start.unwrap_or_default()..].to_owned()
}

impl Disk for Faulty {
    fn make_folder(&self, path: &Path, mode: u32, owner: Ids) -> Result<(), HostError> {
        let whole = || Real.make_folder(path, mode, owner);
        self.call(format!("make {}/", name(path)), true, || (), whole)
    }

    fn write_new(&self, file: NewFile<'_>) -> Result<(), HostError> {
        let half = || {
            let contents = &file.contents[..file.contents.len() / 2];
            let _ = Real.write_new(NewFile { contents, ..file });
        };
        let what = format!("write {}", name(file.path));
        self.call(what, true, half, || Real.write_new(file))
    }

    fn link(&self, from: &Path, to: &Path) -> Result<(), HostError> {
        let what = format!("link {}", name(to));
        self.call(what, true, || (), || Real.link(from, to))
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<(), HostError> {
        let what = format!("rename into {}", name(to));
        self.call(what, false, || (), || Real.rename(from, to))
    }

    fn set_rights(&self, path: &Path, mode: u32, owner: Ids) -> Result<(), HostError> {
        let whole = || Real.set_rights(path, mode, owner);
        self.call(
            format!("set the rights of {}", name(path)),
            false,
            || (),
            whole,
        )
    }

    fn remove_file(&self, path: &Path) -> Result<(), HostError> {
        let whole = || Real.remove_file(path);
        self.call(format!("remove {}", name(path)), false, || (), whole)
    }

    fn remove_folder(&self, path: &Path) -> Result<(), HostError> {
        let whole = || Real.remove_folder(path);
        self.call(format!("remove {}/", name(path)), false, || (), whole)
    }

    fn append(&self, path: &Path, text: &str) -> Result<(), HostError> {
        let half = || {
            let _ = Real.append(path, &text[..text.len() / 2]);
        };
        let record = text.split('"').nth(3).unwrap_or_default();
        let what = format!("add `{record}` to {}", name(path));
        self.call(what, true, half, || Real.append(path, text))
    }
}

/// A machine with one file of each fate.
struct World {
    root: TempDir,
    state: State,
}

/// Path, text before, text after.
const FILES: [(&str, Option<&str>, Option<&str>); 4] = [
    ("/etc/x/changed.conf", Some("old\n"), Some("new\n")),
    ("/etc/x/fresh/new.conf", None, Some("new\n")),
    ("/etc/x/gone.conf", Some("gone\n"), None),
    ("/etc/x/rights.conf", Some("same\n"), Some("same\n")),
];

impl World {
    fn new() -> Self {
        // thousands of flushes: in memory, where there is such a folder
        let memory = Path::new("/dev/shm");
        let root = if memory.is_dir() {
            tempfile::tempdir_in(memory)
        } else {
            tempfile::tempdir()
        };
        let root = root.expect("a folder");
        let state = State::of(root.path(), &"x".parse().expect("a name"));
        let folder = root.path().join("etc/x");
        std::fs::create_dir_all(&folder).expect("our own folder");
        state.make(&Real).expect("made");
        for (path, before, _) in FILES {
            if let Some(text) = before {
                let file = NewFile {
                    path: &root.path().join(&path[1..]),
                    contents: text.as_bytes(),
                    mode: 0o644,
                    owner: (None, None),
                };
                Real.write_new(file).expect("written");
            }
        }
        Self { root, state }
    }

    fn machine<'a>(&'a self, disk: &'a dyn Disk) -> Machine<'a> {
        Machine {
            disk,
            root: self.root.path(),
            state: &self.state,
            services: &Services::None,
        }
    }

    fn transaction(&self) -> Transaction {
        let mut plan = crate::made_up::empty_plan();
        let mut change = |path: &str, after| {
            plan.steps.push(Step::Change(Change {
                path: path.to_owned(),
                before: content::at(self.root.path(), path).expect("readable"),
                after,
                component: None,
                why: Why::New,
            }));
        };
        for (path, _, after) in FILES {
            change(path, after.map_or(Content::Absent, file));
        }
        let folder = Content::Folder {
            mode: 0o755,
            owner: Ownership::Writer,
        };
        change("/etc/x/fresh", folder);
        for text in FILES.iter().filter_map(|(_, _, after)| *after) {
            plan.texts.insert(digest(text.as_bytes()), text.to_owned());
        }
        Transaction {
            generation: Generations { state: &self.state }.newest() + 1,
            purpose: Purpose::Apply,
            who: "ann".into(),
            time: 0,
            plan,
        }
    }

    /// Does the change, and asks `passes` whether it is good.
    async fn run<E>(
        &self,
        disk: &dyn Disk,
        transaction: &Transaction,
        passes: impl AsyncFnOnce() -> Result<Value, E>,
    ) -> Result<(), Failed<E>> {
        let draft = Draft {
            generation: Generation {
                number: transaction.generation,
                time: 0,
                who: "ann".into(),
                purpose: Purpose::Apply,
                digest: String::new(),
                spec_digest: String::new(),
                version: String::new(),
                verification: Value::Null,
            },
            spec: b"name = \"x\"\n".to_vec(),
            baseline: b"{}\n".to_vec(),
        };
        let machine = self.machine(disk);
        machine
            .run(transaction, Some(&draft), async || Ok(()), passes)
            .await
    }

    /// As every run begins: what was left behind first, then the change.
    async fn apply(&self, disk: &dyn Disk) -> Result<(), String> {
        let machine = self.machine(disk);
        machine.recover().await.map_err(|error| error.to_string())?;
        let passes = async || Ok::<_, ()>(json!({"ok": true}));
        let done = self.run(disk, &self.transaction(), passes).await;
        done.map_err(|failed| match failed.end {
            End::NotRestored(error) => format!("not restored: {error}"),
            other => format!("{other:?}"),
        })
    }

    /// The configuration that is there.
    fn seen(&self) -> Seen {
        let mut found = BTreeMap::new();
        let mut folders: Vec<PathBuf> = vec![self.root.path().join("etc")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).expect("readable").flatten() {
                let path = entry.path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let text = std::fs::read_to_string(&path).expect("readable");
                    let here = content::at(Path::new("/"), &path.display().to_string());
                    let mode = here
                        .expect("readable")
                        .rights()
                        .map_or(0, |rights| rights.0);
                    found.insert(name(&path), (text, mode));
                }
            }
        }
        let clean = found.keys().all(|path| !path.contains("opsctl-"));
        let side = |new: bool| {
            let expected: BTreeMap<_, _> = FILES
                .iter()
                .filter_map(|(path, before, after)| {
                    let (text, mode) = if new { (after, 0o600) } else { (before, 0o644) };
                    Some(((*path).to_owned(), ((*text)?.to_owned(), mode)))
                })
                .collect();
            let files = found.iter().filter(|(path, _)| !path.contains("opsctl-"));
            files.eq(expected.iter())
        };
        match (side(false), side(true)) {
            (true, _) => Seen::Old { clean },
            (_, true) => Seen::New { clean },
            _ => Seen::Mixed,
        }
    }
}

fn file(text: &str) -> Content {
    Content::file(text.as_bytes(), 0o600, Ownership::Writer)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    Old { clean: bool },
    New { clean: bool },
    Mixed,
}

impl Seen {
    fn word(self) -> &'static str {
        match self {
            Self::Old { .. } => "old",
            Self::New { .. } => "new",
            Self::Mixed => "part",
        }
    }
}

const FAULTS: [Fault; 6] = [
    Fault::Once,
    Fault::Full,
    Fault::ReadOnly,
    Fault::Before,
    Fault::Within,
    Fault::After,
];

/// The calls of a transaction that nothing disturbs.
async fn calls() -> Vec<String> {
    let world = World::new();
    let disk = Faulty::new(Fault::Once, usize::MAX);
    world.apply(&disk).await.expect("nothing disturbs it");
    assert_eq!(world.seen(), Seen::New { clean: true });
    disk.calls.into_inner().expect("one thread")
}

/// What the machine was like after a fault, and what the next run made of it.
async fn after(fault: Fault, at: usize) -> (Seen, Seen) {
    let world = World::new();
    let _ = world.apply(&Faulty::new(fault, at)).await;
    let first = world.seen();
    let machine = world.machine(&Real);
    machine.recover().await.expect("the disk is well again");
    let second = world.seen();
    assert!(
        matches!(
            second,
            Seen::Old { clean: true } | Seen::New { clean: true }
        ),
        "{fault:?} at {at}: {first:?}, then {second:?}"
    );
    if second == (Seen::Old { clean: true }) {
        world.apply(&Real).await.expect("it can be done now");
        assert_eq!(world.seen(), Seen::New { clean: true });
    }
    assert_eq!(
        Generations {
            state: &world.state
        }
        .newest(),
        1
    );
    (first, second)
}

#[tokio::test]
async fn after_a_fault_at_any_call_the_next_run_finds_or_makes_one_whole_configuration() {
    let calls = calls().await;
    let mut page = HEAD.to_owned();
    for (at, call) in calls.iter().enumerate() {
        let mut cells = vec![(at + 1).to_string(), shown(call)];
        for fault in FAULTS {
            let (first, second) = after(fault, at).await;
            let whole = first != Seen::Mixed;
            // a disk that takes calls again can always be put in order at once
            assert!(
                whole || !matches!(fault, Fault::Once | Fault::Full),
                "{fault:?}: {call}"
            );
            cells.push(format!("{} → {}", first.word(), second.word()));
        }
        page.push_str("| ");
        page.push_str(&cells.join(" | "));
        page.push_str(" |\n");
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/crash-points.md");
    if std::env::var_os("UPDATE_GOLDENS").is_some() {
        let file = NewFile {
            path: &path,
            contents: page.as_bytes(),
            mode: 0o644,
            owner: (None, None),
        };
        crate::host::files::replace(file).expect("our own page");
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == page,
        "UPDATE_GOLDENS=1 cargo test -p opsctl writes {}",
        path.display()
    );
}

#[tokio::test]
async fn a_recovery_that_is_itself_cut_off_is_taken_up_by_the_next() {
    let forwards = calls().await.len();
    for at in (0..forwards).step_by(3) {
        for again in 0..forwards {
            let world = World::new();
            let _ = world.apply(&Faulty::new(Fault::Before, at)).await;
            let cut = Faulty::new(Fault::Within, again);
            let recovered = world.machine(&cut).recover().await;
            world.machine(&Real).recover().await.expect("well again");
            let seen = world.seen();
            assert!(
                matches!(seen, Seen::Old { clean: true } | Seen::New { clean: true }),
                "{at}, {again}: {seen:?}"
            );
            if recovered.is_ok() {
                break;
            }
        }
    }
}

#[tokio::test]
async fn what_somebody_changed_after_the_crash_is_left_alone() {
    for at in 0..calls().await.len() {
        let world = World::new();
        let _ = world.apply(&Faulty::new(Fault::After, at)).await;
        let path = world.root.path().join("etc/x/changed.conf");
        let file = NewFile {
            path: &path,
            contents: b"by hand\n",
            mode: 0o644,
            owner: (None, None),
        };
        crate::host::disk::replace(&Real, file).expect("written");
        let recovered = world.machine(&Real).recover().await.expect("well again");
        let text = std::fs::read_to_string(&path).expect("there");
        assert_eq!(text, "by hand\n", "at {at}");
        if let Recovered::Undone(_, left) = recovered {
            assert_eq!(left, ["/etc/x/changed.conf"], "at {at}");
        }
    }
}

#[tokio::test]
async fn what_changed_since_it_was_looked_at_stops_it_before_anything_is_written() {
    let world = World::new();
    let transaction = world.transaction();
    let path = world.root.path().join("etc/x/gone.conf");
    Real.append(&path, "by hand\n").expect("written");
    let passes = async || Ok::<_, ()>(Value::Null);
    let done = world.run(&Real, &transaction, passes).await;
    let failed = done.expect_err("it changed");
    assert!(matches!(failed.end, End::Untouched));
    assert!(
        matches!(failed.cause, Cause::Move(MoveError::Moved(paths)) if paths == ["/etc/x/gone.conf"])
    );
}

#[tokio::test]
async fn what_does_not_pass_is_taken_back() {
    let world = World::new();
    let fails = async || Err::<Value, _>("no");
    let done = world.run(&Real, &world.transaction(), fails).await;
    let failed = done.expect_err("it does not pass");
    assert!(matches!(failed.end, End::Restored(left) if left.is_empty()));
    assert_eq!(world.seen(), Seen::Old { clean: true });
    assert_eq!(
        Generations {
            state: &world.state
        }
        .newest(),
        0
    );
}

/// What certbot got is put into its place after the rest, twice the same path: whatever is cut off there, it goes back too.
#[tokio::test]
async fn what_was_done_beside_the_plan_is_taken_back_with_it() {
    let further = async |world: &World, disk: &dyn Disk| {
        let passes = async || {
            let change = Change {
                path: "/etc/x/changed.conf".to_owned(),
                before: file("new\n"),
                after: file("newer\n"),
                component: None,
                why: Why::Issued,
            };
            let texts = ["newer\n".to_owned()].map(|text| (digest(text.as_bytes()), text));
            let gone = world.machine(disk).go_further(&[change], &texts.into());
            Err::<Value, _>(gone.is_ok())
        };
        world.run(disk, &world.transaction(), passes).await
    };
    let counting = Faulty::new(Fault::Once, usize::MAX);
    let world = World::new();
    let failed = further(&world, &counting)
        .await
        .expect_err("it does not pass");
    assert!(matches!(failed.cause, Cause::Proof(true)));
    assert_eq!(world.seen(), Seen::Old { clean: true });
    for at in 0..counting.calls.into_inner().expect("one thread").len() {
        for fault in FAULTS {
            let world = World::new();
            let _ = further(&world, &Faulty::new(fault, at)).await;
            world.machine(&Real).recover().await.expect("well again");
            assert_eq!(world.seen(), Seen::Old { clean: true }, "{fault:?} at {at}");
        }
    }
}

/// A call for the page: the state folder is said in its head, and a digest is a digest.
fn shown(call: &str) -> String {
    let call = call.replace("/var/lib/opsctl/x/", "");
    match call.split_once("texts/") {
        Some((verb, digest)) if !digest.is_empty() => format!("{verb}texts/{}…", &digest[..8]),
        _ => call,
    }
}

const HEAD: &str = "# What a crash leaves\n\n\
Written by the test that does it: at each call that changes the disk during an `apply` (one file changed, one\n\
new in a new folder, one removed, one with other rights), the disk or the process fails in six ways. Left of\n\
the arrow is the configuration that is on the disk then, right of it the one after the next run of opsctl has\n\
looked at its journal: `old` and `new` are whole, `part` is some of each. A run that is still alive puts\n\
everything back at once; one that was killed or whose disk takes no call any more cannot, and the next run\n\
does.\n\n\
- **fails once**: the call fails, the next ones do not (an input/output error)\n\
- **full**: from this call on nothing that needs room succeeds (`ENOSPC`)\n\
- **read-only**: from this call on nothing succeeds (`EROFS`)\n\
- **killed before, within, after**: `kill -9` or no power there; within a write half of it is on the disk\n\n\
The running NGINX and origin keep the configuration that they have loaded until they are told; that comes\n\
after the last rename and before `verified`. Paths without a slash are below `/var/lib/opsctl/NAME`.\n\n\
| | call | fails once | full | read-only | killed before | killed within | killed after |\n\
| ---: | --- | --- | --- | --- | --- | --- | --- |\n";

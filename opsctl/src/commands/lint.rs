//! `opsctl lint`: judges NGINX configuration, whoever wrote it.

mod sarif;
pub(crate) mod source;

use std::fmt::Write as _;
use std::path::Path;

use deploy::Target;
use deploy::lint::{Known, Problem, RULES, Seen, apply_fixes, lint, redact};
use deploy::nginx_conf::Config;
use findings::{Report, Severity};
use serde_json::{Value, json};

use super::{output, render};
use crate::cli::{Format, Lint, OutputFormat};
use crate::error::{CommandError, HostError};
use crate::exit::Exit;
use crate::host::files::{NewFile, replace};
use crate::named_certificates;
use crate::nginx::{self, Places};
use crate::ui::diff::unified;
use crate::ui::findings::{Source as Shown, human};
use crate::ui::table::{Cell, table};
use crate::ui::{Paint, Ui, counted};
use source::Source;

/// A fix may make room for the next one; more rounds than this is a fault of the fixes.
const ROUNDS: usize = 8;

/// Judges all sources and tells everything at once.
pub(crate) async fn run(
    arguments: Lint,
    format: OutputFormat,
    ui: &mut Ui,
) -> Result<Exit, CommandError> {
    if arguments.rules {
        return list(ui);
    }
    let target = match arguments.nginx {
        Some(named) => Some(target(&named).await?),
        None => None,
    };
    let mut judged = Vec::new();
    for path in &arguments.files {
        for source in Source::find(path)? {
            let mut one = Judged::new(source, target.as_ref())?;
            if arguments.diff || arguments.fix {
                one.mend(target.as_ref());
            }
            judged.push(one);
        }
    }
    if arguments.fix && !arguments.diff {
        for one in &mut judged {
            one.write(target.as_ref(), ui)?;
        }
    }
    let told = arguments.diff || arguments.fix;
    match (format, ui.format()) {
        (OutputFormat::Sarif, _) => output(ui.json(&sarif::document(&judged))),
        (_, Format::Json) => output(ui.json(&document(&judged, told))),
        (_, Format::Human) => tell(&judged, arguments.diff, ui),
    }?;
    let has_errors = judged
        .iter()
        .flat_map(|one| &one.problems)
        .any(|problem| problem.severity == Severity::Error);
    Ok(if has_errors { Exit::Lint } else { Exit::Done })
}

/// What `--nginx` means: a version, or a program, which may be one without HTTP/3.
async fn target(word: &str) -> Result<Target, CommandError> {
    if let Some(target) = render::version(word)? {
        return Ok(target);
    }
    let places = Places::of_environment(None);
    Ok(nginx::open(word, &places).await?.target)
}

/// A configuration, what is wrong with it, and what it would be with the fixes.
struct Judged {
    source: Source,
    config: Config,
    problems: Vec<Problem>,
    /// What its certificates say of themselves.
    certificates: Vec<Seen>,
    /// The name of each mended file, its bytes before and after.
    mended: Vec<Mended>,
}

struct Mended {
    name: String,
    before: Vec<u8>,
    after: Vec<u8>,
}

impl Judged {
    fn new(source: Source, target: Option<&Target>) -> Result<Self, CommandError> {
        let config = source.load()?;
        let certificates = named_certificates::see(&config, |name| source.named(name));
        let known = Known {
            target,
            certificates: &certificates,
        };
        let problems = lint(&config, known);
        Ok(Self {
            source,
            config,
            problems,
            certificates,
            mended: Vec::new(),
        })
    }

    /// The name of a file for people: the path on this machine.
    fn name(&self, file: usize) -> String {
        let asked = self.config.files.get(file).map_or("", |file| &file.name);
        self.source.shown(asked)
    }

    /// Makes all fixes in memory, round after round. A file that NGINX could not read is not touched: what stands in it
    /// may mean something else than it seems.
    fn mend(&mut self, target: Option<&Target>) {
        let mut mended = self.source.clone();
        let mut config = self.config.clone();
        let mut problems = self.problems.clone();
        for _ in 0..ROUNDS {
            problems.retain(|problem| is_readable(&config, problem));
            let changes = apply_fixes(&config, &problems);
            if changes.is_empty() {
                break;
            }
            for (file, after) in changes {
                let Some(loaded) = config.files.get(file) else {
                    continue;
                };
                let name = loaded.name.clone();
                let known = self.mended.iter_mut().find(|other| other.name == name);
                match known {
                    Some(known) => known.after.clone_from(&after),
                    None => self.mended.push(Mended {
                        name: name.clone(),
                        before: loaded.document.source().to_vec(),
                        after: after.clone(),
                    }),
                }
                mended.overlay(name, after);
            }
            match mended.load() {
                Ok(next) => config = next,
                Err(_) => break,
            }
            let known = Known {
                target,
                certificates: &self.certificates,
            };
            problems = lint(&config, known);
        }
    }

    /// Puts the mended files in their places, and judges what is left.
    fn write(&mut self, target: Option<&Target>, ui: &mut Ui) -> Result<(), CommandError> {
        if self.mended.is_empty() {
            return Ok(());
        }
        if let Some(text) = self.source.replaces_output() {
            // standard input goes to standard output, as a formatter does it
            let after = self.mended.first().map_or(text, |mended| &mended.after);
            let text = String::from_utf8_lossy(after).into_owned();
            return output(ui.data(text));
        }
        for mended in &self.mended {
            let path = self.source.place(&mended.name).ok_or_else(|| {
                let message = "the output of `nginx -T` has no files to mend";
                CommandError::new(Exit::Usage, message).hint("`opsctl lint --fix` takes the files themselves, and `--diff` shows what would change")
            })?;
            write_in_place(&path, &mended.after)?;
            ui.say(format_args!("mended {}", path.display()));
        }
        let again = Self::new(self.source.clone(), target)?;
        (self.config, self.problems) = (again.config, again.problems);
        Ok(())
    }
}

fn is_readable(config: &Config, problem: &Problem) -> bool {
    let mut edited = problem.fix.iter().flat_map(|fix| &fix.edits);
    edited.all(|edit| {
        config
            .files
            .get(edit.file)
            .is_some_and(|file| file.document.faults().is_empty())
    })
}

/// Replaces a file and keeps its mode and its owner; of a link, the file that it leads to.
fn write_in_place(path: &Path, contents: &[u8]) -> Result<(), HostError> {
    use std::os::unix::fs::MetadataExt as _;
    let real = path
        .canonicalize()
        .map_err(HostError::on("find", path.display()))?;
    let data = real
        .metadata()
        .map_err(HostError::on("read", real.display()))?;
    replace(NewFile {
        path: &real,
        contents,
        mode: data.mode() & 0o7777,
        owner: (Some(data.uid()), Some(data.gid())),
    })
}

fn tell(judged: &[Judged], diffs: bool, ui: &mut Ui) -> Result<(), CommandError> {
    let is_piped = judged
        .iter()
        .any(|one| one.source.replaces_output().is_some() && !one.mended.is_empty() && !diffs);
    let paint = if is_piped {
        ui.paint_talk()
    } else {
        ui.paint_out()
    };
    let mut text = String::new();
    for one in judged {
        write_problems(&mut text, one, paint);
        if diffs {
            text.extend(one.mended.iter().map(|mended| difference(one, mended)));
        }
    }
    if is_piped {
        ui.insist(text);
    } else {
        output(ui.data(text))?;
    }
    ui.say(summary(judged));
    Ok(())
}

fn write_problems(text: &mut String, one: &Judged, paint: Paint) {
    for problems in one.problems.chunk_by(|a, b| a.file == b.file) {
        let file = problems[0].file;
        let name = one.name(file);
        // Once for all of a file: it may have ten megabytes and as many faults. Its secrets are not shown.
        let lines = one.config.document(file).map(redact).unwrap_or_default();
        let source = Shown::new(&name, &lines);
        for problem in problems {
            let mut finding = problem.finding(&one.config);
            finding.file = Some(name.clone());
            let mut report = Report::new();
            report.push(finding);
            let _ = write!(text, "{}", human(&report, Some(&source), paint));
        }
    }
}

fn difference(one: &Judged, mended: &Mended) -> String {
    let lines = |bytes: &[u8]| redact(&deploy::nginx_conf::parse(bytes));
    let name = one.source.shown(&mended.name);
    let names = [name.as_str(), &format!("{name} (mended)")];
    unified(names, &lines(&mended.before), &lines(&mended.after))
}

fn summary(judged: &[Judged]) -> String {
    let problems = || judged.iter().flat_map(|one| &one.problems);
    let count = |severity| {
        problems()
            .filter(|problem| problem.severity == severity)
            .count()
    };
    let files: usize = judged.iter().map(|one| one.config.files.len()).sum();
    let words = [
        counted(count(Severity::Error), "error"),
        counted(count(Severity::Warn), "warning"),
        counted(count(Severity::Note), "note"),
    ];
    format!("{} in {}", words.join(", "), counted(files, "file"))
}

fn document(judged: &[Judged], with_diffs: bool) -> Value {
    let findings: Vec<_> = judged
        .iter()
        .flat_map(|one| {
            one.problems.iter().map(|problem| {
                let mut finding = problem.finding(&one.config);
                finding.file = Some(one.name(problem.file));
                finding
            })
        })
        .collect();
    let files: usize = judged.iter().map(|one| one.config.files.len()).sum();
    let ok = !findings
        .iter()
        .any(|finding| finding.severity == Severity::Error);
    let mut document = json!({"ok": ok, "files": files, "findings": findings});
    if with_diffs {
        let diffs = judged.iter().flat_map(|one| {
            let mended = one.mended.iter();
            mended.map(|mended| json!({"file": one.source.shown(&mended.name), "diff": difference(one, mended)}))
        });
        document["diffs"] = diffs.collect();
    }
    document
}

/// The rules, for people and for tests that go through all of them.
fn list(ui: &mut Ui) -> Result<Exit, CommandError> {
    if ui.format() == Format::Json {
        let rules: Vec<_> = RULES
            .iter()
            .map(|rule| json!({"id": rule.id, "severity": rule.severity, "why": rule.why, "cure": rule.cure, "proof": format!("{:?}", rule.proof), "bad": rule.bad, "good": rule.good}))
            .collect();
        output(ui.json(&json!({"ok": true, "rules": rules})))?;
    } else {
        let rows: Vec<_> = RULES
            .iter()
            .map(|rule| {
                [rule.id.to_owned(), rule.severity.to_string()]
                    .map(Cell::plain)
                    .to_vec()
            })
            .collect();
        output(ui.data(table(&rows)))?;
    }
    Ok(Exit::Done)
}

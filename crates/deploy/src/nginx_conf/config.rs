//! A configuration of many files: every `include` replaced by what it includes.

use std::sync::Arc;

use super::parser::parse;
use super::tree::{Directive, Document, End, Node, Span, Word};
use super::{glob, implied};

/// Where files come from: a machine, a tree below a folder, a dump, a test.
pub trait Files {
    /// The bytes of a file.
    ///
    /// # Errors
    /// Why there are none, as a fragment that follows the path in backticks.
    fn read(&self, path: &str) -> Result<Vec<u8>, String>;

    /// The names in a folder, in any order; none when there is no such folder.
    fn list(&self, folder: &str) -> Vec<String>;
}

/// A configuration with all its files.
#[derive(Debug, Clone)]
pub struct Config {
    /// The files in the order in which they were first met; the first is the one that was asked for.
    pub files: Vec<LoadedFile>,
    /// The top level, every `include` replaced by what it includes; of a file that stands inside other blocks, with these
    /// around it ([`Statement::is_implied`]).
    pub root: Vec<Statement>,
    /// Includes that lead nowhere.
    pub(crate) include_faults: Vec<IncludeFault>,
}

/// A file of a configuration.
#[derive(Debug, Clone)]
pub struct LoadedFile {
    /// Its name, as it was asked for.
    pub name: String,
    /// Its tree.
    pub document: Document,
}

/// A directive in its place in the whole configuration.
#[derive(Debug, Clone)]
pub struct Statement {
    /// The index of its file.
    pub file: usize,
    /// From its first word to its terminator; of a block to the `{`.
    pub span: Span,
    /// Its words; the first is its name.
    pub words: Vec<Word>,
    /// The blocks around it, as `http.server.location /mcp`.
    pub context: Arc<str>,
    /// What stands in its block, if it has one.
    pub block: Option<Vec<Statement>>,
    /// From its first word to behind its block.
    pub whole: Span,
    /// True for a block that stands in no file: it holds the place of the one that includes this file.
    pub is_implied: bool,
}

/// An `include` that leads nowhere.
#[derive(Debug, Clone)]
pub(crate) struct IncludeFault {
    pub(crate) kind: IncludeFaultKind,
    pub(crate) file: usize,
    pub(crate) span: Span,
    /// The path that was looked for.
    pub(crate) path: String,
    /// The reason, where there is one.
    pub(crate) why: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IncludeFaultKind {
    /// A file that cannot be read.
    Missing,
    /// A pattern that matches nothing.
    Empty,
    /// A file that includes itself, directly or not.
    Loop,
    /// More includes than any real configuration has.
    TooMany,
}

/// Files that include each other twice each grow as powers of two: this many includes are followed.
const MOST_INCLUDES: usize = 5_000;
/// Blocks across files; the parser's own limit is for one file.
const DEEPEST: usize = 100;

impl Config {
    /// Reads a file and all that it includes. Relative paths are relative to the folder of this file, as NGINX's are to that
    /// of its main file, and where a file is not there, to the folder above: pieces of a configuration stand one below.
    ///
    /// # Errors
    /// Why the first file cannot be read.
    pub fn load(main: &str, files: &dyn Files) -> Result<Self, String> {
        let bytes = files.read(main)?;
        let mut loader = Loader {
            files,
            folder: main.rsplit_once('/').map(|(folder, _)| folder.to_owned()),
            loaded: Vec::new(),
            faults: Vec::new(),
            stack: Vec::new(),
            includes: 0,
        };
        let index = loader.add(main, bytes);
        let root = loader.statements_of(index, &Arc::from(""), 0);
        Ok(Self {
            files: loader.loaded,
            root: implied::wrap(root),
            include_faults: loader.faults,
        })
    }

    /// The document of a statement.
    pub fn document(&self, file: usize) -> Option<&Document> {
        self.files.get(file).map(|loaded| &loaded.document)
    }
}

impl Statement {
    /// The name of the directive.
    pub fn name(&self) -> &str {
        self.words.first().map_or("", |word| &word.text)
    }

    /// The words behind the name.
    pub fn arguments(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.words.iter().skip(1).map(|word| word.text.as_str())
    }

    /// One word behind the name, from 0; empty when there is none.
    pub fn argument(&self, index: usize) -> &str {
        self.words
            .get(index + 1)
            .map_or("", |word| word.text.as_str())
    }

    /// What stands in its block; nothing where it has none.
    pub fn children(&self) -> &[Self] {
        self.block.as_deref().unwrap_or_default()
    }

    /// Its place in words: `http.server.listen`.
    pub fn path(&self) -> String {
        if self.context.is_empty() {
            self.name().to_owned()
        } else {
            format!("{}.{}", self.context, self.name())
        }
    }

    /// A block that stands in no file, around these statements.
    pub(crate) fn implied(name: &str, children: Vec<Self>) -> Self {
        let span = Span::new(0, 0);
        Self {
            file: 0,
            span,
            words: vec![Word {
                span,
                text: name.to_owned(),
            }],
            context: Arc::from(""),
            block: Some(children),
            whole: span,
            is_implied: true,
        }
    }
}

struct Loader<'f> {
    files: &'f dyn Files,
    folder: Option<String>,
    loaded: Vec<LoadedFile>,
    faults: Vec<IncludeFault>,
    /// The files that are being included, to see a loop.
    stack: Vec<usize>,
    includes: usize,
}

impl Loader<'_> {
    fn add(&mut self, name: &str, bytes: Vec<u8>) -> usize {
        self.loaded.push(LoadedFile {
            name: name.to_owned(),
            document: parse(bytes),
        });
        self.loaded.len() - 1
    }

    fn statements_of(&mut self, file: usize, context: &Arc<str>, depth: usize) -> Vec<Statement> {
        // taken out for the time of the walk: included files are added to the same list
        let nodes = self
            .loaded
            .get_mut(file)
            .map(|loaded| std::mem::take(&mut loaded.document.nodes))
            .unwrap_or_default();
        self.stack.push(file);
        let statements = self.walk(file, &nodes, context, depth);
        self.stack.pop();
        if let Some(loaded) = self.loaded.get_mut(file) {
            loaded.document.nodes = nodes;
        }
        statements
    }

    fn walk(
        &mut self,
        file: usize,
        nodes: &[Node],
        context: &Arc<str>,
        depth: usize,
    ) -> Vec<Statement> {
        let mut out = Vec::new();
        for node in nodes {
            let Node::Directive(directive) = node else {
                continue;
            };
            let Some(statement) = self.statement(file, directive, context, depth) else {
                continue;
            };
            if statement.name() == "include" && statement.block.is_none() {
                self.include(&statement, depth, &mut out);
            } else {
                out.push(statement);
            }
        }
        out
    }

    fn statement(
        &mut self,
        file: usize,
        directive: &Directive,
        context: &Arc<str>,
        depth: usize,
    ) -> Option<Statement> {
        let words: Vec<Word> = directive.words().cloned().collect();
        let (first, last) = (words.first()?, words.last()?);
        let start = first.span.start;
        let (end, whole_end, block) = match &directive.end {
            End::Semicolon(span) => (span.end, span.end, None),
            End::Lua { open, body, close } => {
                (open.end, close.map_or(body.end, |span| span.end), None)
            }
            End::Missing => (last.span.end, last.span.end, None),
            End::Block { open, nodes, close } => {
                let inner = inner_context(context, &words);
                let children = if depth < DEEPEST {
                    self.walk(file, nodes, &inner, depth + 1)
                } else {
                    Vec::new()
                };
                let end = close.map_or(open.end, |span| span.end);
                (open.end, end, Some(children))
            }
        };
        Some(Statement {
            file,
            span: Span::new(start, end),
            whole: Span::new(start, whole_end),
            words,
            context: Arc::clone(context),
            block,
            is_implied: false,
        })
    }

    fn include(&mut self, statement: &Statement, depth: usize, out: &mut Vec<Statement>) {
        let path = statement.argument(0);
        self.includes += 1;
        if self.includes > MOST_INCLUDES {
            if self.includes == MOST_INCLUDES + 1 {
                self.fault(IncludeFaultKind::TooMany, statement, (path, ""));
            }
            return;
        }
        let found = match self.find(path) {
            Ok(found) => found,
            Err(why) => return self.fault(IncludeFaultKind::Missing, statement, (path, &why)),
        };
        if found.is_empty() {
            self.fault(IncludeFaultKind::Empty, statement, (path, ""));
        }
        for (name, bytes) in found {
            let known = self.loaded.iter().position(|loaded| loaded.name == name);
            if known.is_some_and(|file| self.stack.contains(&file)) || depth >= DEEPEST {
                self.fault(IncludeFaultKind::Loop, statement, (&name, ""));
                continue;
            }
            let file = known.unwrap_or_else(|| self.add(&name, bytes));
            out.extend(self.statements_of(file, &statement.context, depth));
        }
    }

    fn fault(&mut self, kind: IncludeFaultKind, at: &Statement, (path, why): (&str, &str)) {
        self.faults.push(IncludeFault {
            kind,
            file: at.file,
            span: at.span,
            path: path.to_owned(),
            why: why.to_owned(),
        });
    }

    /// The files of an `include` with their names; none for a pattern that matches nothing.
    fn find(&self, path: &str) -> Result<Vec<(String, Vec<u8>)>, String> {
        let mut why = String::new();
        for candidate in self.candidates(path) {
            if glob::is_pattern(path) {
                let names = glob::expand(&candidate, self.files);
                let read = names
                    .into_iter()
                    .filter_map(|name| Some((name.clone(), self.files.read(&name).ok()?)));
                let found: Vec<_> = read.collect();
                if !found.is_empty() {
                    return Ok(found);
                }
            } else {
                match self.files.read(&candidate) {
                    Ok(bytes) => return Ok(vec![(candidate, bytes)]),
                    Err(error) if why.is_empty() => why = error,
                    Err(_) => {}
                }
            }
        }
        if glob::is_pattern(path) {
            Ok(Vec::new())
        } else {
            Err(why)
        }
    }

    fn candidates(&self, path: &str) -> Vec<String> {
        if path.starts_with('/') {
            return vec![path.to_owned()];
        }
        let Some(folder) = &self.folder else {
            return vec![path.to_owned()];
        };
        let above = folder.rsplit_once('/').map(|(above, _)| above);
        // the folder above a relative one without a slash is where we are
        let outer = above.map_or_else(|| path.to_owned(), |above| format!("{above}/{path}"));
        vec![format!("{folder}/{path}"), outer]
    }
}

fn inner_context(outer: &str, words: &[Word]) -> Arc<str> {
    let name = words.first().map_or("", |word| &word.text);
    let mut label = name.to_owned();
    // these have a name of their own; the words of an `if` or of another block would say too much
    if matches!(name, "location" | "upstream") {
        for word in &words[1..] {
            label.push(' ');
            label.extend(word.text.chars().take(60));
        }
    }
    if outer.is_empty() {
        Arc::from(label)
    } else {
        Arc::from(format!("{outer}.{label}"))
    }
}

//! The tree of one file. Its leaves tile the file.

use std::ops::Range;

/// A place in a file, in bytes from its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// Behind the last byte.
    pub end: usize,
}

impl Span {
    /// From `start` up to `end`, which is not in it.
    pub const fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }

    /// As a range, to index with.
    pub const fn range(self) -> Range<usize> {
        self.start..self.end
    }
}

/// One file: its bytes, its tree, and what NGINX would refuse.
#[derive(Debug, Clone)]
pub struct Document {
    pub(super) source: Vec<u8>,
    pub(super) nodes: Vec<Node>,
    pub(super) faults: Vec<Fault>,
    /// Where each line begins.
    pub(super) lines: Vec<usize>,
}

/// What stands where a directive could begin.
#[derive(Debug, Clone)]
pub enum Node {
    /// Spaces and line ends.
    Blank(Span),
    /// A comment, without its line end.
    Comment(Span),
    /// A directive with its terminator or block.
    Directive(Directive),
    /// A `;`, `{` or `}` that belongs to nothing, or what stands too deep to be read.
    Stray(Span),
}

/// A directive: words up to `;` or a block.
#[derive(Debug, Clone)]
pub struct Directive {
    /// Its words, and what stands between them.
    pub parts: Vec<Part>,
    /// How it ends.
    pub end: End,
}

/// A part of a directive before its end.
#[derive(Debug, Clone)]
pub enum Part {
    /// Spaces and line ends.
    Blank(Span),
    /// A comment, without its line end.
    Comment(Span),
    /// A word.
    Word(Word),
}

/// A word as NGINX gives it to a directive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// Its place, quotes included.
    pub span: Span,
    /// Its text: no quotes, escapes resolved; bytes that are no UTF-8 are replaced.
    pub text: String,
}

/// How a directive ends.
#[derive(Debug, Clone)]
pub enum End {
    /// With this `;`.
    Semicolon(Span),
    /// With a block of directives.
    Block {
        /// The `{`.
        open: Span,
        /// What stands inside.
        nodes: Vec<Node>,
        /// The `}`; none at the end of a file that is cut short.
        close: Option<Span>,
    },
    /// With a block of Lua, which is passed over.
    Lua {
        /// The `{`.
        open: Span,
        /// The text of the program.
        body: Span,
        /// The `}`; none at the end of a file that is cut short.
        close: Option<Span>,
    },
    /// With nothing: a `}` or the end of the file came first.
    Missing,
}

/// Something that NGINX refuses, or that no conf should have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What it is.
    pub kind: FaultKind,
    /// Where it is.
    pub span: Span,
}

/// What can be wrong with the form of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FaultKind {
    /// A `}` that closes nothing.
    StrayClose,
    /// A `;` or `{` before any word.
    StrayMark,
    /// A directive that a `}` or the end of the file cuts off.
    MissingSemicolon,
    /// A block without its `}`.
    OpenBlock,
    /// A quote without its end.
    OpenQuote,
    /// Something stands directly behind a closing quote.
    MissingSpace,
    /// A word or comment of 4096 bytes or more.
    TooLong,
    /// A byte order mark: NGINX takes it for a part of the first word.
    ByteOrderMark,
    /// A NUL byte.
    Nul,
    /// Bytes that are no UTF-8.
    NotUtf8,
    /// Blocks more than 100 deep; what is inside is not read.
    TooDeep,
    /// More than 100 faults; the others are not told.
    TooMany,
}

impl Directive {
    /// Its words; the first one is its name.
    pub fn words(&self) -> impl Iterator<Item = &Word> {
        self.parts.iter().filter_map(|part| match part {
            Part::Word(word) => Some(word),
            Part::Blank(_) | Part::Comment(_) => None,
        })
    }
}

impl Document {
    /// The bytes that were read.
    pub fn source(&self) -> &[u8] {
        &self.source
    }

    /// The top level.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// What is wrong with its form.
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// The bytes of a place.
    pub fn bytes(&self, span: Span) -> &[u8] {
        self.source.get(span.range()).unwrap_or_default()
    }

    /// The line of a byte, from 1.
    pub fn line(&self, at: usize) -> usize {
        self.lines.partition_point(|start| *start <= at).max(1)
    }

    /// The column of a byte in its line, from 1, in characters.
    pub fn column(&self, at: usize) -> usize {
        let start = self.lines.get(self.line(at) - 1).copied().unwrap_or(0);
        let before = self.bytes(Span::new(start, at.max(start)));
        String::from_utf8_lossy(before).chars().count() + 1
    }

    /// The tree as text again, leaf after leaf: of an unchanged tree the bytes that were read.
    pub fn print(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.source.len());
        self.print_nodes(&self.nodes, &mut out);
        out
    }

    fn print_nodes(&self, nodes: &[Node], out: &mut Vec<u8>) {
        for node in nodes {
            match node {
                Node::Blank(span) | Node::Comment(span) | Node::Stray(span) => {
                    out.extend(self.bytes(*span));
                }
                Node::Directive(directive) => self.print_directive(directive, out),
            }
        }
    }

    fn print_directive(&self, directive: &Directive, out: &mut Vec<u8>) {
        for part in &directive.parts {
            let span = match part {
                Part::Blank(span) | Part::Comment(span) => *span,
                Part::Word(word) => word.span,
            };
            out.extend(self.bytes(span));
        }
        let close = match &directive.end {
            End::Semicolon(span) => Some(*span),
            End::Block { open, nodes, close } => {
                out.extend(self.bytes(*open));
                self.print_nodes(nodes, out);
                *close
            }
            End::Lua { open, body, close } => {
                out.extend(self.bytes(*open));
                out.extend(self.bytes(*body));
                *close
            }
            End::Missing => None,
        };
        if let Some(span) = close {
            out.extend(self.bytes(span));
        }
    }
}

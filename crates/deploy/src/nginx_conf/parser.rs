//! From tokens to the tree, without recursion: the depth of a file is its author's choice.

use super::lexer::{Kind, Lexer, Token};
use super::lua;
use super::tree::{Directive, Document, End, Fault, FaultKind, Node, Part, Span, Word};

/// NGINX recurses and has no limit; real files stay below ten.
const DEEPEST: usize = 100;
/// A file that is no conf at all would give one fault a line.
const MOST_FAULTS: usize = 100;

/// Reads one file. Nothing is refused: what NGINX would not take is in [`Document::faults`].
pub fn parse(source: impl Into<Vec<u8>>) -> Document {
    let source = source.into();
    let (nodes, mut faults) = Parser::new(&source).run();
    faults.extend(encoding_faults(&source));
    faults.sort_by_key(|fault| fault.span.start);
    let newlines = source.iter().enumerate();
    let lines = std::iter::once(0)
        .chain(newlines.filter_map(|(at, byte)| (*byte == b'\n').then_some(at + 1)))
        .collect();
    Document {
        source,
        nodes,
        faults,
        lines,
    }
}

fn encoding_faults(source: &[u8]) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut add = |kind, start, end| {
        faults.push(Fault {
            kind,
            span: Span::new(start, end),
        });
    };
    if source.starts_with(b"\xef\xbb\xbf") {
        add(FaultKind::ByteOrderMark, 0, 3);
    }
    if let Some(at) = source.iter().position(|byte| *byte == 0) {
        add(FaultKind::Nul, at, at + 1);
    }
    if let Err(error) = std::str::from_utf8(source) {
        let at = error.valid_up_to();
        add(FaultKind::NotUtf8, at, at + 1);
    }
    faults
}

/// A block that is still open.
struct OpenBlock {
    parts: Vec<Part>,
    brace: Span,
    /// What stood before it at its own level.
    before: Vec<Node>,
}

struct Parser<'s> {
    source: &'s [u8],
    lexer: Lexer<'s>,
    open: Vec<OpenBlock>,
    nodes: Vec<Node>,
    parts: Vec<Part>,
    faults: Vec<Fault>,
}

impl<'s> Parser<'s> {
    fn new(source: &'s [u8]) -> Self {
        Self {
            source,
            lexer: Lexer::new(source),
            open: Vec::new(),
            nodes: Vec::new(),
            parts: Vec::new(),
            faults: Vec::new(),
        }
    }

    fn run(mut self) -> (Vec<Node>, Vec<Fault>) {
        while let Some(token) = self.lexer.next() {
            if let Some(kind) = token.fault {
                self.fault(kind, token.span);
            }
            self.take(token);
        }
        self.cut_off();
        while let Some(open) = self.open.last().map(|block| block.brace) {
            self.fault(FaultKind::OpenBlock, open);
            self.close(None);
        }
        (self.nodes, self.faults)
    }

    fn take(&mut self, token: Token) {
        let (span, in_directive) = (token.span, !self.parts.is_empty());
        match token.kind {
            Kind::Blank if in_directive => self.parts.push(Part::Blank(span)),
            Kind::Blank => self.nodes.push(Node::Blank(span)),
            Kind::Comment if in_directive => self.parts.push(Part::Comment(span)),
            Kind::Comment => self.nodes.push(Node::Comment(span)),
            Kind::Word => {
                let text = unescape(self.source.get(span.range()).unwrap_or_default());
                self.parts.push(Part::Word(Word { span, text }));
            }
            Kind::Semicolon if in_directive => self.finish(End::Semicolon(span)),
            Kind::Open if in_directive => self.begin(span),
            Kind::Semicolon | Kind::Open => self.stray(FaultKind::StrayMark, span),
            Kind::Close => {
                self.cut_off();
                if self.open.is_empty() {
                    self.stray(FaultKind::StrayClose, span);
                } else {
                    self.close(Some(span));
                }
            }
        }
    }

    fn begin(&mut self, open: Span) {
        let is_lua = matches!(self.parts.first(), Some(Part::Word(word)) if word.text.ends_with("_by_lua_block"));
        if is_lua {
            let close = lua::closing_brace(self.source, open.end);
            let end = close.unwrap_or(self.source.len());
            if close.is_none() {
                self.fault(FaultKind::OpenBlock, open);
            }
            let close = close.map(|at| Span::new(at, at + 1));
            self.lexer.skip_to(close.map_or(end, |span| span.end));
            let body = Span::new(open.end, end);
            self.finish(End::Lua { open, body, close });
        } else if self.open.len() == DEEPEST {
            self.fault(FaultKind::TooDeep, open);
            self.finish(End::Missing);
            let rest = Span::new(open.start, self.source.len());
            self.nodes.push(Node::Stray(rest));
            self.lexer.skip_to(rest.end);
        } else {
            self.open.push(OpenBlock {
                parts: std::mem::take(&mut self.parts),
                brace: open,
                before: std::mem::take(&mut self.nodes),
            });
        }
    }

    fn close(&mut self, close: Option<Span>) {
        if let Some(OpenBlock {
            parts,
            brace: open,
            before,
        }) = self.open.pop()
        {
            let nodes = std::mem::replace(&mut self.nodes, before);
            self.parts = parts;
            self.finish(End::Block { open, nodes, close });
        }
    }

    fn finish(&mut self, end: End) {
        let parts = std::mem::take(&mut self.parts);
        self.nodes.push(Node::Directive(Directive { parts, end }));
    }

    /// Ends a directive that has no terminator; the blanks behind its last word are no part of it.
    fn cut_off(&mut self) {
        let Some(last) = self
            .parts
            .iter()
            .rposition(|part| matches!(part, Part::Word(_)))
        else {
            return;
        };
        let behind = self.parts.split_off(last + 1);
        if let Some(Part::Word(word)) = self.parts.last() {
            let span = word.span;
            let is_told = self.faults.last().is_some_and(|fault| fault.span == span);
            if !is_told {
                self.fault(FaultKind::MissingSemicolon, span);
            }
        }
        self.finish(End::Missing);
        self.nodes.extend(behind.into_iter().map(|part| match part {
            Part::Blank(span) => Node::Blank(span),
            Part::Comment(span) => Node::Comment(span),
            Part::Word(word) => Node::Stray(word.span),
        }));
    }

    fn stray(&mut self, kind: FaultKind, span: Span) {
        self.fault(kind, span);
        self.nodes.push(Node::Stray(span));
    }

    fn fault(&mut self, kind: FaultKind, span: Span) {
        match self.faults.len() {
            MOST_FAULTS => self.faults.push(Fault {
                kind: FaultKind::TooMany,
                span,
            }),
            count if count > MOST_FAULTS => {}
            _ => self.faults.push(Fault { kind, span }),
        }
    }
}

/// The text of a word: NGINX drops the quotes around it, and everywhere a backslash before a quote or a backslash, and makes
/// `\t`, `\r` and `\n` what they say. Any other backslash stays.
fn unescape(bytes: &[u8]) -> String {
    let quote = bytes.first().filter(|byte| matches!(byte, b'"' | b'\''));
    let inner = match quote {
        Some(quote) => {
            let rest = &bytes[1..];
            rest.strip_suffix(&[*quote]).unwrap_or(rest)
        }
        None => bytes,
    };
    if !inner.contains(&b'\\') {
        return String::from_utf8_lossy(inner).into_owned();
    }
    let mut out = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while let Some((&first, tail)) = rest.split_first() {
        let escaped = (first == b'\\').then(|| tail.first()).flatten();
        let resolved = escaped.and_then(|byte| match byte {
            b'"' | b'\'' | b'\\' => Some(*byte),
            b't' => Some(b'\t'),
            b'r' => Some(b'\r'),
            b'n' => Some(b'\n'),
            _ => None,
        });
        out.push(resolved.unwrap_or(first));
        rest = if resolved.is_some() { &tail[1..] } else { tail };
    }
    String::from_utf8_lossy(&out).into_owned()
}

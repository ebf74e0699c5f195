//! The tokens of a file, after NGINX's `ngx_conf_read_token`; blanks and comments are tokens too, so that nothing is lost.

use super::tree::{FaultKind, Span};

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Spaces, tabs, CR and LF.
    Blank,
    /// From `#` to the end of the line, its LF not included.
    Comment,
    /// A word, its quotes included.
    Word,
    /// `;`
    Semicolon,
    /// `{`
    Open,
    /// `}`
    Close,
}

/// One token and its place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) span: Span,
    /// Why NGINX would stop here.
    pub(super) fault: Option<FaultKind>,
}

/// Cuts bytes into tokens that tile them.
#[derive(Debug)]
pub(super) struct Lexer<'s> {
    source: &'s [u8],
    at: usize,
    /// The last token was a word in quotes: only a separator may follow.
    needs_space: bool,
}

/// `NGX_CONF_BUFFER`: a word or a comment of this many bytes does not fit.
const BUFFER: usize = 4096;

impl<'s> Lexer<'s> {
    pub(super) fn new(source: &'s [u8]) -> Self {
        Self {
            source,
            at: 0,
            needs_space: false,
        }
    }

    /// Goes on after bytes that another reader has taken.
    pub(super) fn skip_to(&mut self, at: usize) {
        self.at = at;
    }

    fn byte(&self, at: usize) -> Option<u8> {
        self.source.get(at).copied()
    }

    fn run(&self, from: usize, take: impl Fn(u8) -> bool) -> usize {
        let rest = self.source.get(from..).unwrap_or_default();
        from + rest.iter().take_while(|byte| take(**byte)).count()
    }

    /// The end of a word in quotes: behind the closing one, or nothing where there is none.
    fn quoted_end(&self, from: usize, quote: u8) -> Option<usize> {
        let mut at = from;
        loop {
            match self.byte(at)? {
                b'\\' => at += 2,
                byte if byte == quote => return Some(at + 1),
                _ => at += 1,
            }
        }
    }

    /// The end of a plain word: a separator ends it, `{` does not after a `$`, and a backslash takes the next byte along.
    fn plain_end(&self, from: usize) -> usize {
        let mut at = from;
        let mut variable = false;
        while let Some(byte) = self.byte(at) {
            match byte {
                b'{' if variable => {}
                b'\\' => {
                    variable = false;
                    at += 1;
                }
                b' ' | b'\t' | b'\r' | b'\n' | b';' | b'{' => break,
                _ => variable = byte == b'$',
            }
            at += 1;
        }
        at.min(self.source.len())
    }

    fn word(&mut self, first: u8) -> Token {
        let start = self.at;
        let must_part = std::mem::take(&mut self.needs_space) && first != b')';
        let mut fault = must_part.then_some(FaultKind::MissingSpace);
        let (end, length) = if first == b'"' || first == b'\'' {
            if let Some(end) = self.quoted_end(start + 1, first) {
                self.needs_space = true;
                (end, end - start - 2)
            } else {
                fault = Some(FaultKind::OpenQuote);
                (self.source.len(), 0)
            }
        } else {
            let end = self.plain_end(start);
            (end, end - start)
        };
        if length >= BUFFER {
            fault = fault.or(Some(FaultKind::TooLong));
        }
        self.token(Kind::Word, end, fault)
    }

    fn token(&mut self, kind: Kind, end: usize, fault: Option<FaultKind>) -> Token {
        let span = Span::new(self.at, end);
        self.at = end;
        Token { kind, span, fault }
    }
}

impl Iterator for Lexer<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        let first = self.byte(self.at)?;
        let is_blank = |byte: u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
        let single = match first {
            b';' => Some(Kind::Semicolon),
            b'{' => Some(Kind::Open),
            // directly behind a quote it is no brace, but a word too near
            b'}' if !self.needs_space => Some(Kind::Close),
            _ => None,
        };
        if let Some(kind) = single {
            self.needs_space = false;
            return Some(self.token(kind, self.at + 1, None));
        }
        if is_blank(first) {
            self.needs_space = false;
            let end = self.run(self.at, is_blank);
            return Some(self.token(Kind::Blank, end, None));
        }
        if first == b'#' && !self.needs_space {
            let end = self.run(self.at, |byte| byte != b'\n');
            let too_long = end - self.at >= BUFFER && end < self.source.len();
            let fault = too_long.then_some(FaultKind::TooLong);
            return Some(self.token(Kind::Comment, end, fault));
        }
        Some(self.word(first))
    }
}

//! Where a block of Lua ends. lua-nginx-module has a lexer of its own for `*_by_lua_block { … }`: braces count, unless they
//! stand in a string, in a long bracket or in a comment.

/// The index of the `}` that closes the block whose text begins at `from`; nothing when the file ends first.
pub(super) fn closing_brace(source: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    let mut depth = 0_usize;
    loop {
        match *source.get(at)? {
            b'{' => depth += 1,
            b'}' if depth == 0 => return Some(at),
            b'}' => depth -= 1,
            quote @ (b'"' | b'\'') => {
                at = string_end(source, at + 1, quote)?;
                continue;
            }
            b'-' if source.get(at + 1) == Some(&b'-') => {
                at = comment_end(source, at + 2)?;
                continue;
            }
            b'[' => {
                if let Some(level) = long_bracket(source, at) {
                    at = long_end(source, at + level + 2, level)?;
                    continue;
                }
            }
            _ => {}
        }
        at += 1;
    }
}

/// Behind the closing quote. A line end closes the string too: that is a fault of the Lua, not of the block.
fn string_end(source: &[u8], from: usize, quote: u8) -> Option<usize> {
    let mut at = from;
    loop {
        match *source.get(at)? {
            b'\\' => at += 1,
            b'\n' => return Some(at),
            byte if byte == quote => return Some(at + 1),
            _ => {}
        }
        at += 1;
    }
}

/// Behind a comment that begins after `--`.
fn comment_end(source: &[u8], from: usize) -> Option<usize> {
    if let Some(level) = long_bracket(source, from) {
        return long_end(source, from + level + 2, level);
    }
    let rest = source.get(from..)?;
    Some(from + rest.iter().position(|byte| *byte == b'\n')?)
}

/// The number of `=` in a long bracket that opens here.
fn long_bracket(source: &[u8], at: usize) -> Option<usize> {
    let rest = source.get(at..)?.strip_prefix(b"[")?;
    let level = rest.iter().take_while(|byte| **byte == b'=').count();
    (rest.get(level) == Some(&b'[')).then_some(level)
}

fn long_end(source: &[u8], from: usize, level: usize) -> Option<usize> {
    let mut close = vec![b']'];
    close.resize(level + 1, b'=');
    close.push(b']');
    let rest = source.get(from..)?;
    let found = rest
        .windows(close.len())
        .position(|window| window == close)?;
    Some(from + found + close.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn braces_in_strings_comments_and_long_brackets_do_not_count() {
        for body in [
            "local t = { a = {} } ",
            "x = \"}\" y = '\\'}' ",
            "-- } \n",
            "--[[ } \n ]] ",
            "s = [==[ } ]] ]==] ",
            "a[1] = 2 ",
        ] {
            let text = format!("{body}}} after");
            assert_eq!(
                closing_brace(text.as_bytes(), 0),
                Some(body.len()),
                "{body}"
            );
        }
    }

    #[test]
    fn a_block_that_does_not_end_has_no_brace() {
        for body in ["x = \"}", "--[[ }", "{", "-- }"] {
            assert_eq!(closing_brace(body.as_bytes(), 0), None, "{body}");
        }
    }
}

//! JSON text edited in place: what is not named keeps its bytes.
//!
//! A gateway must not disturb what it forwards: a decoder that rebuilds objects changes key order, number spelling and
//! unknown fields. Every function here takes text that a JSON parser has accepted already.

use std::borrow::Cow;

/// One member of an object, as places in the text that it was read from.
#[derive(Debug)]
pub(crate) struct Member<'a> {
    /// The key, decoded.
    pub(crate) key: Cow<'a, str>,
    /// The value, spelled as it was sent.
    pub(crate) value: &'a str,
    start: usize,
    value_start: usize,
    end: usize,
}

impl Member<'_> {
    /// The value when it is a string, decoded.
    pub(crate) fn text(&self) -> Option<Cow<'_, str>> {
        unquote(self.value)
    }
}

/// The members of one object in their order; values are not looked into.
#[derive(Debug)]
pub(crate) struct Object<'a> {
    text: &'a str,
    members: Vec<Member<'a>>,
}

impl<'a> Object<'a> {
    /// Reads the members of `text`, which is one valid JSON value; `None` when the value is not an object.
    pub(crate) fn read(text: &'a str) -> Option<Self> {
        let bytes = text.as_bytes();
        let mut at = space(bytes, 0);
        if bytes.get(at) != Some(&b'{') {
            return None;
        }
        at = space(bytes, at + 1);
        let mut members = Vec::new();
        while bytes.get(at) != Some(&b'}') {
            let start = at;
            let key_end = value_end(bytes, start)?;
            let key = unquote(text.get(start..key_end)?)?;
            at = space(bytes, key_end);
            if bytes.get(at) != Some(&b':') {
                return None;
            }
            let value_start = space(bytes, at + 1);
            let end = value_end(bytes, value_start)?;
            members.push(Member {
                key,
                value: text.get(value_start..end)?,
                start,
                value_start,
                end,
            });
            at = space(bytes, end);
            if bytes.get(at) == Some(&b',') {
                at = space(bytes, at + 1);
            }
        }
        Some(Self { text, members })
    }

    /// The first member named `key`.
    pub(crate) fn find(&self, key: &str) -> Option<&Member<'a>> {
        self.members.iter().find(|member| member.key == key)
    }

    /// The text that it was read from.
    pub(crate) fn text(&self) -> &'a str {
        self.text
    }

    /// The members in their order.
    pub(crate) fn members(&self) -> impl Iterator<Item = &Member<'a>> {
        self.members.iter()
    }

    /// A key that stands twice. Two readers of such an object may each believe another value, so what decides where a
    /// message goes must not carry one.
    pub(crate) fn duplicate(&self) -> Option<&str> {
        let mut keys: Vec<&str> = self
            .members
            .iter()
            .map(|member| member.key.as_ref())
            .collect();
        keys.sort_unstable();
        keys.windows(2)
            .find(|pair| pair[0] == pair[1])
            .map(|pair| pair[0])
    }

    /// The text with one member's value replaced.
    pub(crate) fn replaced(&self, member: &Member<'_>, value: &str) -> String {
        let (head, tail) = (&self.text[..member.value_start], &self.text[member.end..]);
        [head, value, tail].concat()
    }

    /// The text with `members` (`"key":value`, joined by commas, not empty) put in front of its own.
    pub(crate) fn with(&self, members: &str) -> String {
        // The text is an object, so a `{` is there; nothing but white space stands before it.
        let open = self.text.find('{').map_or(0, |at| at + 1);
        let comma = if self.members.is_empty() { "" } else { "," };
        [&self.text[..open], members, comma, &self.text[open..]].concat()
    }

    /// The text without the members that `drop` picks by key; borrowed when it picks none.
    pub(crate) fn without(&self, drop: impl Fn(&str) -> bool) -> Cow<'a, str> {
        if !self.members.iter().any(|member| drop(&member.key)) {
            return Cow::Borrowed(self.text);
        }
        let kept: Vec<&str> = self
            .members
            .iter()
            .filter(|member| !drop(&member.key))
            .map(|member| &self.text[member.start..member.end])
            .collect();
        Cow::Owned(format!("{{{}}}", kept.join(",")))
    }
}

/// The elements of an array, spelled as they were sent; `None` when the value is not an array.
pub(crate) fn elements(text: &str) -> Option<Vec<&str>> {
    let bytes = text.as_bytes();
    let mut at = space(bytes, 0);
    if bytes.get(at) != Some(&b'[') {
        return None;
    }
    at = space(bytes, at + 1);
    let mut elements = Vec::new();
    while bytes.get(at) != Some(&b']') {
        let end = value_end(bytes, at)?;
        elements.push(text.get(at..end)?);
        at = space(bytes, end);
        if bytes.get(at) == Some(&b',') {
            at = space(bytes, at + 1);
        }
    }
    Some(elements)
}

/// A JSON string decoded; `None` when `text` is another kind of value.
pub(crate) fn unquote(text: &str) -> Option<Cow<'_, str>> {
    let inner = text.strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') {
        return serde_json::from_str(text).ok().map(Cow::Owned);
    }
    Some(Cow::Borrowed(inner))
}

/// `text` as a JSON string.
pub(crate) fn quote(text: &str) -> String {
    // A `str` always has a JSON form: the error arm of this encoder belongs to maps and writers.
    serde_json::Value::from(text).to_string()
}

/// One spelling for all texts of one value, but for numbers, which keep theirs: no white space, keys in order, strings as
/// this crate quotes them. For comparing, not for sending.
pub(crate) fn canonical(text: &str) -> String {
    if let Some(object) = Object::read(text) {
        let mut members: Vec<(String, String)> = object
            .members()
            .map(|member| (quote(&member.key), canonical(member.value)))
            .collect();
        members.sort();
        let members: Vec<String> = members
            .into_iter()
            .map(|(key, value)| format!("{key}:{value}"))
            .collect();
        return format!("{{{}}}", members.join(","));
    }
    if let Some(elements) = elements(text) {
        let elements: Vec<String> = elements.into_iter().map(canonical).collect();
        return format!("[{}]", elements.join(","));
    }
    unquote(text).map_or_else(|| text.trim().to_owned(), |text| quote(&text))
}

/// How deep arrays and objects stand in one another; 0 for a scalar. The text need not be valid.
pub(crate) fn depth(text: &[u8]) -> usize {
    let (mut depth, mut deepest, mut at) = (0_usize, 0, 0);
    while let Some(&byte) = text.get(at) {
        match byte {
            b'"' => at = string_end(text, at).unwrap_or(text.len()).saturating_sub(1),
            b'{' | b'[' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += 1;
    }
    deepest
}

/// The text on one line. A raw line break in valid JSON is white space between tokens (RFC 8259 section 7 wants it
/// escaped inside strings), so a space in its place changes no value.
pub(crate) fn one_line(text: &str) -> Cow<'_, str> {
    if text.contains(['\n', '\r']) {
        return Cow::Owned(text.replace(['\n', '\r'], " "));
    }
    Cow::Borrowed(text)
}

/// The value of a member of an object of which only the first part is there; `None` when it does not stand whole in that part.
pub(crate) fn in_part<'a>(part: &'a str, key: &str) -> Option<&'a str> {
    let bytes = part.as_bytes();
    let mut at = space(bytes, 0);
    if bytes.get(at) != Some(&b'{') {
        return None;
    }
    loop {
        let start = space(bytes, at + 1);
        let key_end = value_end(bytes, start)?;
        let name = unquote(part.get(start..key_end)?)?;
        at = space(bytes, key_end);
        if bytes.get(at) != Some(&b':') {
            return None;
        }
        let value_start = space(bytes, at + 1);
        let end = value_end(bytes, value_start)?;
        at = space(bytes, end);
        // a number at the very end may go on
        if !matches!(bytes.get(at)?, b',' | b'}') {
            return None;
        }
        if name == key {
            return part.get(value_start..end);
        }
    }
}

/// The first place from `at` on that is not JSON white space.
fn space(bytes: &[u8], mut at: usize) -> usize {
    while matches!(bytes.get(at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
        at += 1;
    }
    at
}

/// The place after the string that opens at `at`.
fn string_end(bytes: &[u8], at: usize) -> Option<usize> {
    let mut at = at + 1;
    loop {
        match bytes.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// The place after the value that begins at `at`.
fn value_end(bytes: &[u8], at: usize) -> Option<usize> {
    match bytes.get(at)? {
        b'"' => string_end(bytes, at),
        b'{' | b'[' => container_end(bytes, at),
        _ => {
            let scalar = bytes[at..]
                .iter()
                .take_while(|byte| !b" \t\n\r,:]}".contains(byte))
                .count();
            (scalar > 0).then_some(at + scalar)
        }
    }
}

/// The place after the array or object that opens at `at`: counted, not recursed into.
fn container_end(bytes: &[u8], mut at: usize) -> Option<usize> {
    let mut open = 0_usize;
    loop {
        match bytes.get(at)? {
            b'"' => {
                at = string_end(bytes, at)?;
                continue;
            }
            b'{' | b'[' => open += 1,
            b'}' | b']' => open -= 1,
            _ => {}
        }
        at += 1;
        if open == 0 {
            return Some(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ODD: &str = " { \"b\" : 1.50e3 ,\n\"a\\u0062\":{\"x\":[\"}\\\"\",2]}, \"b2\":-0 } ";

    #[test]
    fn members_keep_their_spelling() {
        let object = Object::read(ODD).unwrap();
        assert_eq!(object.find("b").unwrap().value, "1.50e3");
        assert_eq!(object.find("ab").unwrap().value, r#"{"x":["}\"",2]}"#);
        assert_eq!(object.find("b2").unwrap().value, "-0");
    }

    #[test]
    fn replacing_a_value_leaves_every_other_byte() {
        let object = Object::read(ODD).unwrap();
        let member = object.find("b").unwrap();
        assert_eq!(object.replaced(member, "7"), ODD.replace("1.50e3", "7"));
    }

    #[test]
    fn members_are_put_in_front_also_of_none() {
        assert_eq!(Object::read("{ }").unwrap().with("\"a\":1"), "{\"a\":1 }");
        assert_eq!(
            Object::read(" {\"b\":2}").unwrap().with("\"a\":1"),
            " {\"a\":1,\"b\":2}"
        );
    }

    #[test]
    fn members_taken_out_leave_the_others_as_they_were() {
        let text = r#"{"a": 1, "b":  [ 2 ], "c":3}"#;
        let object = Object::read(text).unwrap();
        assert_eq!(object.without(|key| key == "a"), r#"{"b":  [ 2 ],"c":3}"#);
        assert_eq!(object.without(|_| false), text);
        assert_eq!(object.without(|_| true), "{}");
    }

    #[test]
    fn a_key_that_stands_twice_is_found_by_its_meaning() {
        assert_eq!(
            Object::read(r#"{"a":1,"\u0061":2}"#).unwrap().duplicate(),
            Some("a")
        );
        assert_eq!(Object::read(r#"{"a":1,"b":2}"#).unwrap().duplicate(), None);
    }

    #[test]
    fn a_member_is_found_in_the_part_that_is_there() {
        let part = r#" {"a" :[1, {"id":2}], "\u0069d": 17 ,"result":{"id":3,"x":"yyy"#;
        assert_eq!(in_part(part, "id"), Some("17"));
        assert_eq!(in_part(part, "result"), None);
        assert_eq!(in_part(r#"{"id":17"#, "id"), None);
        assert_eq!(in_part(r#"{"id":17}"#, "id"), Some("17"));
        assert_eq!(in_part("[{}", "id"), None);
        assert_eq!(in_part("{}", "id"), None);
    }

    #[test]
    fn elements_keep_their_spelling() {
        assert_eq!(
            elements(" [ 1.0,\"a,]\" ,[2, 3]] "),
            Some(vec!["1.0", "\"a,]\"", "[2, 3]"])
        );
        assert_eq!(elements("[]"), Some(vec![]));
        assert_eq!(elements("{}"), None);
    }

    #[test]
    fn texts_of_one_value_have_one_canonical_form() {
        let one = canonical(" { \"b\" : [1.0, \"\\u0061\"],\n\"a\":{} }");
        assert_eq!(one, canonical(r#"{"a":{},"b":[1.0,"a"]}"#));
        assert_eq!(one, r#"{"a":{},"b":[1.0,"a"]}"#);
        assert_ne!(one, canonical(r#"{"a":{},"b":[1,"a"]}"#));
    }

    #[test]
    fn depth_counts_brackets_outside_strings() {
        assert_eq!(depth(br#"{"a":["[[["]}"#), 2);
        assert_eq!(depth(b"7"), 0);
        assert_eq!(depth(b"\"never closed"), 0);
    }
}

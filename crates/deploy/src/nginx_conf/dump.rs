//! The output of `nginx -T`: all files of a configuration in one text.

use super::config::Files;

/// The line that NGINX writes before each file.
const MARK: &str = "# configuration file ";

/// The files of a dump, by the names that NGINX gave them.
#[derive(Debug, Clone, Default)]
pub struct Dump {
    files: Vec<(String, Vec<u8>)>,
}

/// Takes the output of `nginx -T` apart; nothing when the text is none. What NGINX says of its test on standard error may
/// stand before it.
pub fn split_dump(text: &[u8]) -> Option<Dump> {
    let mut dump = Dump::default();
    let mut said_before = true;
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        if let Some(name) = marked(line) {
            said_before = false;
            // NGINX writes an empty line behind the text of each file
            dump.end_file();
            dump.files.push((name, Vec::new()));
        } else if let Some((_, file)) = dump.files.last_mut() {
            file.extend(line);
        } else {
            let is_talk = line.starts_with(b"nginx:") || line.iter().all(u8::is_ascii_whitespace);
            said_before &= is_talk;
            if !said_before {
                return None;
            }
        }
    }
    dump.end_file();
    (!dump.files.is_empty()).then_some(dump)
}

fn marked(line: &[u8]) -> Option<String> {
    let rest = line.strip_prefix(MARK.as_bytes())?;
    let name = rest.trim_ascii_end().strip_suffix(b":")?;
    Some(String::from_utf8_lossy(name).into_owned())
}

impl Dump {
    /// The name of the first file: the one that NGINX was started with.
    pub fn main(&self) -> &str {
        self.files.first().map_or("", |(name, _)| name)
    }

    fn end_file(&mut self) {
        if let Some((_, text)) = self.files.last_mut()
            && text.ends_with(b"\n")
        {
            text.pop();
        }
    }
}

impl Files for Dump {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        let found = self.files.iter().find(|(name, _)| name == path);
        found
            .map(|(_, text)| text.clone())
            .ok_or_else(|| "is not in the dump".to_owned())
    }

    fn list(&self, folder: &str) -> Vec<String> {
        let prefix = format!("{}/", folder.trim_end_matches('/'));
        let mut names: Vec<String> = self
            .files
            .iter()
            .filter_map(|(name, _)| name.strip_prefix(&prefix)?.split('/').next())
            .map(str::to_owned)
            .collect();
        names.sort();
        names.dedup();
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dump_has_its_files_and_another_text_is_none() {
        let text = b"nginx: the configuration file /n.conf syntax is ok\n# configuration file /n.conf:\na;\n\n# configuration file /d/b.conf:\nb;\n\n";
        let dump = split_dump(text).expect("a dump");
        assert_eq!(dump.main(), "/n.conf");
        assert_eq!(dump.read("/n.conf").expect("there"), b"a;\n");
        assert_eq!(dump.read("/d/b.conf").expect("there"), b"b;\n");
        assert_eq!(dump.list("/d"), ["b.conf"]);
        assert!(split_dump(b"events {}\n# configuration file x:\n").is_none());
        assert!(split_dump(b"").is_none());
    }
}

//! NGINX configuration: any bytes come back as they were, every file is judged, and a cure harms nothing.

use deploy::lint::{Known, apply_fixes, lint, pairs, redact};
use deploy::nginx_conf::{Config, Files, parse, split_dump};

/// How often the cures of one file may make room for others.
const ROUNDS: usize = 8;

/// Reads the bytes as a configuration that includes itself under every name, judges it, and cures it.
///
/// # Panics
/// When the bytes are not kept, a place lies outside the file, or a cure breaks a file that could be read.
pub fn conf(bytes: &[u8]) {
    let document = parse(bytes);
    assert_eq!(document.print(), bytes);
    for fault in document.faults() {
        assert!(fault.span.start <= fault.span.end && fault.span.end <= bytes.len());
    }
    let _ = redact(&document);
    let _ = split_dump(bytes);
    cured(bytes);
}

fn cured(bytes: &[u8]) {
    let mut bytes = bytes.to_vec();
    for _ in 0..ROUNDS {
        let Ok(config) = Config::load("/conf.d/any.conf", &Same(&bytes)) else {
            return;
        };
        let _ = pairs(&config);
        let problems = lint(&config, Known::default());
        for problem in &problems {
            let file = config.document(problem.file).expect("a file that was read");
            assert!(problem.span.end <= file.source().len());
        }
        let was_whole = config
            .files
            .iter()
            .all(|file| file.document.faults().is_empty());
        let changed = apply_fixes(&config, &problems);
        let Some((_, after)) = changed.into_iter().find(|_| was_whole) else {
            return;
        };
        assert_eq!(parse(after.clone()).faults(), []);
        bytes = after;
    }
}

/// One file under every name.
struct Same<'b>(&'b [u8]);

impl Files for Same<'_> {
    fn read(&self, _: &str) -> Result<Vec<u8>, String> {
        Ok(self.0.to_vec())
    }

    fn list(&self, _: &str) -> Vec<String> {
        vec!["any.conf".to_owned(), "other.conf".to_owned()]
    }
}

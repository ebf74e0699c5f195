//! Where a configuration comes from: a file, a folder, a dump of `nginx -T`, standard input.

use std::collections::{BTreeSet, HashMap};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use deploy::nginx_conf::{Config, Dump, Files, split_dump};

use crate::error::{CommandError, HostError};
use crate::exit::Exit;

/// One configuration that is to be judged.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    /// The file that it begins with, as its includes would name it.
    main: String,
    place: Place,
    /// Files that are read in another version than their place has, by name.
    overlay: HashMap<String, Vec<u8>>,
}

#[derive(Debug, Clone)]
enum Place {
    /// Files of this machine; below a folder first, where one was named.
    Disk(Option<PathBuf>),
    Dump(Dump),
    Input(Vec<u8>),
}

/// The name of standard input in findings.
const INPUT: &str = "<stdin>";
/// NGINX reads any size; no configuration is longer than this.
const LONGEST: u64 = 64 << 20;
/// A folder that has more is no folder of configuration.
const MOST_FILES: usize = 10_000;

impl Source {
    /// The configurations that a word of the command line means: of a folder all that no other file of it includes.
    pub(crate) fn find(path: &Path) -> Result<Vec<Self>, CommandError> {
        if path == Path::new("-") {
            let mut bytes = Vec::new();
            let input = std::io::stdin()
                .lock()
                .take(LONGEST)
                .read_to_end(&mut bytes);
            input.map_err(HostError::on("read", "standard input"))?;
            return Ok(vec![Self::of_bytes(bytes)]);
        }
        let data = path
            .metadata()
            .map_err(HostError::on("read", path.display()))
            .map_err(|error| CommandError::new(Exit::Usage, error))?;
        if data.is_dir() {
            return Self::of_folder(path);
        }
        let bytes = read(path).map_err(|why| refused(path, &why))?;
        if let Some(dump) = split_dump(&bytes) {
            return Ok(vec![Self::new(dump.main().to_owned(), Place::Dump(dump))]);
        }
        Ok(vec![Self::new(
            path.display().to_string(),
            Place::Disk(None),
        )])
    }

    fn new(main: String, place: Place) -> Self {
        Self {
            main,
            place,
            overlay: HashMap::new(),
        }
    }

    fn of_bytes(bytes: Vec<u8>) -> Self {
        match split_dump(&bytes) {
            Some(dump) => Self::new(dump.main().to_owned(), Place::Dump(dump)),
            None => Self::new(INPUT.to_owned(), Place::Input(bytes)),
        }
    }

    fn of_folder(folder: &Path) -> Result<Vec<Self>, CommandError> {
        let source = |main: &Path| {
            Self::new(
                main.display().to_string(),
                Place::Disk(Some(folder.to_owned())),
            )
        };
        for main in ["nginx.conf", "etc/nginx/nginx.conf"] {
            let main = folder.join(main);
            if main.is_file() {
                return Ok(vec![source(&main)]);
            }
        }
        // a tree for a whole machine has files of this name for other programs too
        let inner = folder.join("etc/nginx");
        let mut confs = Vec::new();
        collect(if inner.is_dir() { &inner } else { folder }, 0, &mut confs);
        confs.sort();
        if confs.is_empty() {
            return Err(refused(folder, "has no file `*.conf`"));
        }
        let sources: Vec<Self> = confs.iter().map(|path| source(path)).collect();
        let mut included = BTreeSet::new();
        for source in &sources {
            let config = source.load()?;
            included.extend(
                config
                    .files
                    .iter()
                    .skip(1)
                    .map(|file| source.shown(&file.name)),
            );
        }
        let roots = sources
            .into_iter()
            .filter(|source| !included.contains(&source.main));
        Ok(roots.collect())
    }

    /// Reads it, with all that it includes.
    pub(crate) fn load(&self) -> Result<Config, CommandError> {
        Config::load(&self.main, self).map_err(|why| refused(Path::new(&self.main), &why))
    }

    /// From now on this file has these bytes.
    pub(crate) fn overlay(&mut self, name: String, bytes: Vec<u8>) {
        self.overlay.insert(name, bytes);
    }

    /// The bytes of standard input, where that is what is judged.
    pub(crate) fn replaces_output(&self) -> Option<&Vec<u8>> {
        match &self.place {
            Place::Input(bytes) => Some(bytes),
            Place::Disk(_) | Place::Dump(_) => None,
        }
    }

    /// The path of a file on this machine; none where it has none.
    pub(crate) fn place(&self, name: &str) -> Option<PathBuf> {
        match &self.place {
            Place::Disk(folder) => Some(on_disk(folder.as_deref(), name, Path::is_file)),
            Place::Dump(_) | Place::Input(_) => None,
        }
    }

    /// The path on this machine of a file that a directive names: NGINX looks for it from the folder of its main file on. None
    /// where the configuration came without its machine.
    pub(crate) fn named(&self, name: &str) -> Option<PathBuf> {
        let Place::Disk(folder) = &self.place else {
            return None;
        };
        if name.starts_with('/') {
            return Some(on_disk(folder.as_deref(), name, Path::is_file));
        }
        // a piece of a configuration stands one below its main file
        let main = Path::new(&self.main).parent()?;
        let near = main.join(name);
        let above = main.parent().map(|above| above.join(name));
        Some(above.filter(|_| !near.is_file()).unwrap_or(near))
    }

    /// The name of a file for people.
    pub(crate) fn shown(&self, name: &str) -> String {
        self.place(name)
            .map_or_else(|| name.to_owned(), |path| path.display().to_string())
    }
}

impl Files for Source {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        if let Some(bytes) = self.overlay.get(path) {
            return Ok(bytes.clone());
        }
        match &self.place {
            Place::Disk(folder) => read(&on_disk(folder.as_deref(), path, Path::is_file)),
            Place::Dump(dump) => dump.read(path),
            Place::Input(bytes) if path == INPUT => Ok(bytes.clone()),
            Place::Input(_) => read(Path::new(path)),
        }
    }

    fn list(&self, folder: &str) -> Vec<String> {
        let path = match &self.place {
            Place::Disk(root) => on_disk(root.as_deref(), folder, Path::is_dir),
            Place::Dump(dump) => return dump.list(folder),
            Place::Input(_) => PathBuf::from(folder),
        };
        let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
        entries
            .take(MOST_FILES)
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect()
    }
}

/// The place of a path: a tree mirrors the machine that it is for, whole or from some folder on, so `/etc/nginx/x/y.conf`
/// is looked for below the tree as it is, then without its first folders. What the tree does not have is this machine's.
fn on_disk(tree: Option<&Path>, path: &str, is_there: fn(&Path) -> bool) -> PathBuf {
    let own = PathBuf::from(path);
    let Some(tree) = tree.filter(|tree| !own.starts_with(tree)) else {
        return own;
    };
    let mut rest = path.trim_start_matches('/');
    loop {
        let candidate = tree.join(rest);
        if !rest.is_empty() && is_there(&candidate) {
            return candidate;
        }
        match rest.split_once('/') {
            Some((_, shorter)) => rest = shorter,
            None => return own,
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    let data = path.metadata().map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => "is not there".to_owned(),
        _ => format!("cannot be read: {error}"),
    })?;
    if !data.is_file() {
        return Err("is no file".to_owned());
    }
    if data.len() > LONGEST {
        return Err(format!("is longer than {} MiB", LONGEST >> 20));
    }
    std::fs::read(path).map_err(|error| format!("cannot be read: {error}"))
}

fn collect(folder: &Path, depth: usize, out: &mut Vec<PathBuf>) {
    /// Links may lead round in a circle.
    const DEEPEST: usize = 16;
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    for entry in entries {
        let path = entry.path();
        let is_link = path.is_symlink();
        if path.is_dir() && !is_link && depth < DEEPEST {
            collect(&path, depth + 1, out);
        } else if path.is_file() && out.len() < MOST_FILES && is_conf(&path) {
            out.push(path);
        }
    }
}

fn is_conf(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension == "conf")
}

fn refused(path: &Path, why: &str) -> CommandError {
    CommandError::new(Exit::Usage, format!("`{}` {why}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_stands_for_the_machine_that_it_mirrors() {
        let folder = tempfile::tempdir().expect("a folder");
        let tree = folder.path();
        std::fs::create_dir_all(tree.join("etc/nginx/x")).expect("made");
        std::fs::create_dir_all(tree.join("y")).expect("made");
        let found = |path| on_disk(Some(tree), path, Path::is_dir);
        assert_eq!(found("/etc/nginx/x"), tree.join("etc/nginx/x"));
        assert_eq!(found("/etc/nginx/y"), tree.join("y"));
        assert_eq!(found("/etc/nginx/z"), Path::new("/etc/nginx/z"));
        assert_eq!(
            on_disk(None, "/etc/nginx/x", Path::is_dir),
            Path::new("/etc/nginx/x")
        );
    }
}

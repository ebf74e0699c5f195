//! Disks that machines of several tests begin with: made once in a run, by the test that needs it first.

use std::fs::File;
use std::path::PathBuf;

use crate::kit::Kit;
use crate::machine::Machine;

/// A step of the way to a disk that has something on it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Layer {
    /// Its name: one for each content.
    pub(crate) name: &'static str,
    /// What is done on a machine that has all layers below.
    pub(crate) make: fn(&Kit, &Machine),
}

impl Layer {
    /// The layers of a machine with this one on top, the topmost first. Another test that makes it is waited for.
    pub(crate) fn over(self, kit: &Kit, below: Vec<PathBuf>) -> Vec<PathBuf> {
        let system = below.last().expect("a system is below all layers");
        // `…/roots/trixie-0123456789abcdef/root` is of the suite trixie
        let system = system.parent().and_then(|folder| folder.file_name());
        let system = system.unwrap_or_default().to_string_lossy().into_owned();
        let path = kit.folder.join(format!("{system}-{}", self.name));
        let lock = File::create(path.with_added_extension("lock")).expect("our own folder");
        lock.lock().expect("locks work here");
        if !path.exists() {
            let machine = Machine::boot_layers(below.clone());
            (self.make)(kit, &machine);
            machine.into_layer(&path);
        }
        let mut layers = vec![path];
        layers.extend(below);
        layers
    }
}

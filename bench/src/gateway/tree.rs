//! What the processes of a bridge use, without the server behind it.

use std::fs;
use std::path::Path;
use std::time::Duration;

use rustix::param::{clock_ticks_per_second, page_size};

use crate::Fault;

/// Processes and what they started, apart from the server by its program's name.
#[derive(Debug)]
pub(crate) struct Tree {
    roots: Vec<u32>,
    server: String,
}

impl Tree {
    /// `server` is the program that is left out.
    pub(crate) fn new(roots: Vec<u32>, server: &Path) -> Self {
        let name = server.file_name().unwrap_or_default().to_string_lossy();
        // the kernel keeps 15 bytes of it (`proc_pid_comm(5)`)
        Self {
            roots,
            server: name.chars().take(15).collect(),
        }
    }

    /// CPU time so far, user and system.
    pub(crate) fn cpu(&self) -> Result<Duration, Fault> {
        let each = clock_ticks_per_second();
        let ticks: u64 = self.processes()?.iter().map(|process| process.ticks).sum();
        Ok(Duration::from_millis(ticks * 1000 / each))
    }

    /// Resident memory in bytes.
    pub(crate) fn memory(&self) -> Result<f64, Fault> {
        let pages: u32 = self.processes()?.iter().map(|process| process.pages).sum();
        Ok(f64::from(pages) * f64::from(u32::try_from(page_size())?))
    }

    fn processes(&self) -> Result<Vec<Process>, Fault> {
        let mut all = Vec::new();
        for entry in fs::read_dir("/proc")? {
            let path = entry?.path();
            let id = path
                .file_name()
                .and_then(|name| name.to_str()?.parse().ok());
            // one that has just ended is none
            if let Some(process) = id.and_then(|id| Process::read(id, &path)) {
                all.push(process);
            }
        }
        let mut found = self.roots.clone();
        let mut next = 0;
        while let Some(&parent) = found.get(next) {
            next += 1;
            let children = all.iter().filter(|process| process.parent == parent);
            found.extend(children.map(|process| process.id));
        }
        all.retain(|process| found.contains(&process.id) && process.name != self.server);
        Ok(all)
    }
}

struct Process {
    id: u32,
    name: String,
    parent: u32,
    ticks: u64,
    pages: u32,
}

impl Process {
    /// Fields 2, 4, 14, 15 and 24 of `proc_pid_stat(5)`.
    fn read(id: u32, folder: &Path) -> Option<Self> {
        let stat = fs::read_to_string(folder.join("stat")).ok()?;
        let (head, tail) = stat.rsplit_once(") ")?;
        let fields: Vec<&str> = tail.split(' ').collect();
        let time = |place: usize| fields.get(place)?.parse::<u64>().ok();
        Some(Self {
            id,
            name: head.split_once('(')?.1.to_owned(),
            parent: fields.get(1)?.parse().ok()?,
            ticks: time(11)? + time(12)?,
            pages: fields.get(21)?.parse().ok()?,
        })
    }
}

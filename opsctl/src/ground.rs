//! What a command that changes a machine stands on: where the machine is, what is remembered of the deployment, and who
//! tells the units.

use std::path::{Path, PathBuf};

use deploy::words::Name;
use findings::Finding;

use crate::error::{CommandError, HostError};
use crate::exit::Exit;
use crate::generations::Generations;
use crate::host;
use crate::host::disk::Real;
use crate::host::services::Services;
use crate::state::State;
use crate::transaction::Machine;

/// A machine and a deployment of it.
#[derive(Debug)]
pub(crate) struct Ground {
    /// The folder that the machine's paths are below; `/` for this machine.
    pub(crate) root: PathBuf,
    /// What is remembered.
    pub(crate) state: State,
    /// The service manager; none below another root.
    pub(crate) services: Services,
}

impl Ground {
    /// This machine, or the tree below a folder.
    ///
    /// # Errors
    /// Exit 17 where this machine is meant and we are not root, or no service manager runs it.
    pub(crate) fn of(root: Option<&Path>, name: &Name) -> Result<Self, CommandError> {
        let root = match root {
            Some(root) => std::path::absolute(root).map_err(HostError::on("find", "--root"))?,
            None => PathBuf::from("/"),
        };
        let services = if root == Path::new("/") {
            if !host::is_root() {
                let finding = Finding::error("host.root", "only root can change this machine")
                    .hint("run it with `sudo`, or install below a folder of your own with `--root DIR`");
                return Err(CommandError::finding(Exit::Prerequisite, finding));
            }
            Services::of_machine()?
        } else {
            Services::None
        };
        Ok(Self {
            state: State::of(&root, name),
            root,
            services,
        })
    }

    /// Whether it is this machine, and not a tree for another one.
    pub(crate) fn is_live(&self) -> bool {
        !matches!(self.services, Services::None)
    }

    /// Makes the folder of what is remembered.
    ///
    /// # Errors
    /// Exit 12: nothing was changed.
    pub(crate) fn make_state(&self) -> Result<(), CommandError> {
        self.state.make(&Real).map_err(|error| {
            CommandError::new(Exit::ApplyRestored, error).hint("nothing was changed")
        })
    }

    /// The machine for transactions.
    pub(crate) fn machine(&self) -> Machine<'_> {
        Machine {
            disk: &Real,
            root: &self.root,
            state: &self.state,
            services: &self.services,
        }
    }

    /// The generations.
    pub(crate) fn generations(&self) -> Generations<'_> {
        Generations { state: &self.state }
    }
}

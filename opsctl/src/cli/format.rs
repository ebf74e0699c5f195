//! What `--format` says.

use clap::ValueEnum;

/// What standard output carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Tables and sentences.
    Human,
    /// One JSON document.
    Json,
}

/// What standard output carries, as the command line names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    /// Tables and sentences
    Human,
    /// One JSON document
    Json,
    /// SARIF 2.1.0, for `lint` alone
    Sarif,
    /// A script a tool, for `wrappers` alone
    Bash,
    /// A Python package, for `wrappers` alone
    Python,
    /// One program with sub-commands, for `wrappers` alone
    Cli,
    /// A folder a server with a page and its scripts, for `wrappers` alone
    Skill,
}

/// An operating system, as the command line names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OperatingSystem {
    /// Debian and Ubuntu, with systemd
    Linux,
    /// macOS, with Homebrew and launchd
    Macos,
}

impl From<OperatingSystem> for deploy::Os {
    fn from(os: OperatingSystem) -> Self {
        match os {
            OperatingSystem::Linux => Self::Linux,
            OperatingSystem::Macos => Self::MacOs,
        }
    }
}

impl From<OutputFormat> for Format {
    fn from(format: OutputFormat) -> Self {
        match format {
            OutputFormat::Json | OutputFormat::Sarif => Self::Json,
            _ => Self::Human,
        }
    }
}

impl OutputFormat {
    /// What is made of a catalog, where the word says that.
    pub(crate) const fn wrappers(self) -> Option<wrappers::Format> {
        match self {
            Self::Bash => Some(wrappers::Format::Bash),
            Self::Python => Some(wrappers::Format::Python),
            Self::Cli => Some(wrappers::Format::Cli),
            Self::Skill => Some(wrappers::Format::Skill),
            Self::Human | Self::Json | Self::Sarif => None,
        }
    }
}

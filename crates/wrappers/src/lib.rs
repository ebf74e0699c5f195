//! Client wrappers of the tool API: a catalog (the JSON of `GET /tools`) becomes files, by templates.
//!
//! Pure: text in, text out. [`Catalog::read`] makes typed tools of the catalog and says what is wrong with it; [`render`] fills the
//! templates of one [`Format`]. What comes from a catalog was written by strangers: it reaches a template either as data, which
//! is printed as a literal of the target language whatever is in it, or as code, which this crate made itself.

mod bash;
mod catalog;
mod cli;
mod fields;
mod flags;
mod help;
mod names;
mod python;
mod quote;
mod schema;
mod shape;
mod skill;
mod templates;

use findings::Report;

pub use catalog::{Catalog, Choice, Service, Tool};
pub use schema::{Field, Type};
pub use templates::{TemplateError, Templates};

/// What is made of a catalog.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A script a tool.
    Bash,
    /// A package with a module a service.
    Python,
    /// One program with sub-commands.
    Cli,
    /// A folder a service with a page and its scripts.
    Skill,
}

impl Format {
    /// Its name, as a command line has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bash => "bash",
            Self::Python => "python",
            Self::Cli => "cli",
            Self::Skill => "skill",
        }
    }
}

/// One file of the wrappers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Where, below the folder of the wrappers: words of `[A-Za-z0-9._-]` with `/` between them.
    pub path: String,
    /// What.
    pub text: String,
    /// Whether it is a program.
    pub executable: bool,
}

/// All files of one format, sorted by path. The same catalog and templates give the same bytes.
///
/// Findings go to `report`: `wrappers.name` where two tools or services would have one name. Where it has errors the files are not
/// to be used.
///
/// # Errors
/// [`TemplateError`]: a template cannot be read or filled.
pub fn render(
    catalog: &Catalog,
    format: Format,
    templates: &Templates,
    report: &mut Report,
) -> Result<Vec<File>, TemplateError> {
    let mut files = match format {
        Format::Bash => bash::render(catalog, templates, report)?,
        Format::Python => python::render(catalog, templates, report)?,
        Format::Cli => cli::render(catalog, templates, report)?,
        Format::Skill => skill::render(catalog, templates, report)?,
    };
    files.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(files)
}

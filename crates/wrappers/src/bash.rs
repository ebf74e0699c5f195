//! Bash: a script a tool.

use findings::{Finding, Report};

use crate::catalog::{Catalog, Tool, skip};
use crate::fields::Fields;
use crate::flags::flags;
use crate::help::usage;
use crate::quote::{escape_bash, summary};
use crate::templates::{Filler, TemplateError, Templates};
use crate::{File, names};

/// One file a tool, called as the tool is.
pub(crate) fn render(
    catalog: &Catalog,
    templates: &Templates,
    report: &mut Report,
) -> Result<Vec<File>, TemplateError> {
    let filler = templates.compile(escape_bash)?;
    let mut files: Vec<File> = Vec::new();
    for tool in catalog.services.iter().flat_map(|service| &service.tools) {
        let path = names::file(&tool.name);
        // some file systems do not tell large letters from small
        if files
            .iter()
            .any(|file| file.path.eq_ignore_ascii_case(&path))
        {
            report.push(taken(&tool.name, &path));
            continue;
        }
        files.push(File {
            text: script(tool, &path, &filler)?,
            path,
            executable: true,
        });
    }
    Ok(files)
}

/// That a name is taken already.
pub(crate) fn taken(tool: &str, name: &str) -> Finding {
    let message = format!(
        "`{}` would be `{name}`, which another tool is already",
        tool.escape_debug()
    );
    Finding::error("wrappers.name", message).hint(skip(tool))
}

/// The script of one tool.
pub(crate) fn script(tool: &Tool, program: &str, filler: &Filler) -> Result<String, TemplateError> {
    let flags = flags(tool);
    let rows = flags.iter().map(|flag| {
        let fields = Fields::default()
            .data("flag", &flag.word)
            .data("name", &flag.field.name)
            .code("kind", flag.kind.word())
            .flag("repeated", flag.repeated)
            .flag("switch", flag.off.is_some());
        fields.data("off", flag.off.as_deref().unwrap_or_default())
    });
    let fields = Fields::default()
        .data("tool", &tool.name)
        .code("program", program)
        .code(
            "summary",
            &summary(tool.description.as_deref().unwrap_or_default()),
        )
        .texts("usage", &usage(program, tool, &flags))
        .flag("puts", flags.iter().any(|flag| !flag.repeated))
        .flag("adds", flags.iter().any(|flag| flag.repeated))
        .list("flags", rows.collect());
    filler.fill("bash/tool.tera", fields)
}

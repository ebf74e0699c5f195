//! A command line as a page.

use std::fmt::Write as _;

use clap::{Arg, Command};

/// A page of a program: a section for each of its commands, with what `--help` says.
pub fn of_command(source: &str, mut program: Command) -> String {
    program = program.disable_help_subcommand(true);
    program.build();
    let mut text = crate::head(&format!("`{}`", program.get_name()), source);
    write(&mut text, &program, 1);
    text
}

/// A command and those below it; the flags that go for every command stand with the program alone.
fn write(text: &mut String, command: &Command, depth: usize) {
    let name = command.get_bin_name().unwrap_or(command.get_name());
    // Writing to a string does not fail.
    if depth > 1 {
        let _ = write!(text, "\n## `{name}`\n");
    }
    let about = command.get_long_about().or(command.get_about());
    if let Some(about) = about {
        let about = format!("{}.", about.to_string().trim_end_matches('.'));
        let _ = write!(text, "\n{}\n", crate::wrapped(&about, ""));
    }
    let usage = command.clone().render_usage().to_string();
    let usage = usage.strip_prefix("Usage: ").unwrap_or(&usage);
    let _ = write!(text, "\n```\n{usage}\n```\n");
    let arguments = command.get_arguments().filter(|argument| {
        let is_everywhere = argument.is_global_set() && depth > 1;
        !(is_everywhere
            || argument.is_hide_set()
            || WITHOUT_WORDS.contains(&argument.get_id().as_str()))
    });
    let items: Vec<_> = arguments.map(item).collect();
    if !items.is_empty() {
        let _ = write!(text, "\n{}", items.concat());
    }
    if let Some(after) = command.get_after_help() {
        let after = after.to_string();
        let after: Vec<_> = after
            .trim_end()
            .lines()
            .map(|line| crate::wrapped(line, ""))
            .collect();
        let _ = write!(text, "\n```\n{}\n```\n", after.join("\n"));
    }
    for below in command
        .get_subcommands()
        .filter(|below| !below.is_hide_set())
    {
        write(text, below, depth + 1);
    }
}

/// `- **`--flag VALUE`**: what it is for. Default `x`. One of `a`, `b`.`
fn item(argument: &Arg) -> String {
    let mut name = argument.to_string();
    if let Some(short) = argument.get_short() {
        name = format!("-{short}, {name}");
    }
    let help = argument.get_long_help().or(argument.get_help());
    let help = help.map(ToString::to_string).unwrap_or_default();
    let mut line = format!("- `{name}`: {}.", help.trim_end_matches('.'));
    let takes = argument.get_action().takes_values();
    let defaults: Vec<_> = argument.get_default_values().iter().collect();
    if let (true, [default]) = (takes, defaults.as_slice()) {
        let _ = write!(line, " Default `{}`.", default.to_string_lossy());
    }
    let values = argument.get_possible_values();
    if takes && !values.is_empty() {
        let values: Vec<_> = values
            .iter()
            .map(|value| format!("`{}`", value.get_name()))
            .collect();
        let _ = write!(line, " One of {}.", values.join(", "));
    }
    crate::wrapped(&line, "  ") + "\n"
}

/// They say of themselves what they are.
const WITHOUT_WORDS: [&str; 2] = ["help", "version"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_stands_with_its_arguments_and_their_defaults() {
        let run = Command::new("run")
            .about("Run it")
            .arg(Arg::new("file").required(true).help("The file"))
            .arg(
                Arg::new("mode")
                    .long("mode")
                    .help("How")
                    .default_value("a")
                    .value_parser(["a", "b"]),
            );
        let all = Arg::new("all")
            .short('a')
            .long("all")
            .global(true)
            .help("Say all")
            .action(clap::ArgAction::SetTrue);
        let page = of_command(
            "x",
            Command::new("tool")
                .about("A tool")
                .arg(all)
                .subcommand(run),
        );
        for part in [
            "# `tool`\n\nA tool.\n\n```\n",
            "- `-a, --all`: Say all.\n",
            "\n## `tool run`\n\nRun it.\n\n```\ntool run [OPTIONS] <file>\n```\n",
            "- `<file>`: The file.\n- `--mode <mode>`: How. Default `a`. One of `a`, `b`.\n",
        ] {
            assert!(page.contains(part), "{part:?} is not in\n{page}");
        }
        assert_eq!(page.matches("--all").count(), 1, "{page}");
    }
}

//! The units of servers that have units of their own.

use super::RenderError;
use super::context::Fields;
use super::services::{head, in_home};
use super::templates::Filler;
use crate::deployment::{Deployment, Site};
use crate::unit::{CpuQuota, ServerUnit};
use crate::words::{Name, Token};

/// What a template of a unit is filled with.
pub(super) fn fields(unit: &ServerUnit, site: &Name) -> Fields {
    let count = |count: Option<u64>| count.map(|count| Token::composed(count.to_string()));
    let resources = &unit.resources;
    let quota = resources.cpu_quota.map(CpuQuota::percent);
    let time = unit.limits.cpu_time.map(|time| time.as_secs());
    let mut paths = unit.working_directory.iter().chain(&unit.environment_files);
    let homes = unit.command.iter().any(|word| in_home(word.as_str()))
        || paths.any(|path| in_home(&format!("{path}/")));
    let homes = if homes { "read-only" } else { "yes" };
    Fields::default()
        .word("name", &unit.name)
        .word("server", &unit.server)
        .word("socket", &unit.socket)
        .word("user", &unit.user)
        .flag("own_user", unit.user.as_str() != site.as_str())
        .words("command", &unit.command)
        .optional("working_directory", unit.working_directory.as_ref())
        .words("environment", &unit.environment)
        .words("environment_files", &unit.environment_files)
        .optional("memory_max", count(resources.memory_max).as_ref())
        .optional("tasks_max", resources.tasks_max.as_ref())
        .optional("cpu_quota", quota.as_ref())
        .optional("open_files", count(unit.limits.open_files).as_ref())
        .optional("address_space", count(unit.limits.address_space).as_ref())
        .optional("cpu_time", count(time).as_ref())
        .optional("processes", count(unit.limits.processes).as_ref())
        .word("connections", &unit.connections)
        .word("protect_home", &Token::composed(homes))
}

/// The files of one server, with their paths.
pub(super) fn render(
    deployment: &Deployment,
    filler: &Filler,
    (site, site_fields): (&Site, &Fields),
    unit: &ServerUnit,
) -> Result<[(String, String); 2], RenderError> {
    let filled = |what: &str| {
        head(deployment, what)
            .below("site", site_fields)
            .below("unit", &fields(unit, &site.name))
    };
    let path = format!("/etc/systemd/system/{}", unit.name);
    let socket = filled("Where the origin reaches an MCP server.");
    let service = filled("An MCP server, for one connection of the origin.");
    Ok([
        (
            format!("{path}.socket"),
            filler.fill("systemd/server.socket.tera", socket)?,
        ),
        (
            format!("{path}@.service"),
            filler.fill("systemd/server.service.tera", service)?,
        ),
    ])
}

//! `unit` of one of `[[servers]]`.

use findings::{Finding, Reader};

use crate::unit::{CpuQuota, Resources, UnitSpec};
use crate::words::Account;

/// Reads `unit`; `None` when the server has none.
pub(super) fn read(server: &Reader<'_>, name: Option<&str>) -> Option<UnitSpec> {
    let place = server.value("unit")?.place;
    let unit = server.table("unit")?;
    if !server.has("command") {
        let finding = Finding::error(
            "spec.unit",
            "a server without `command` has no process here",
        );
        server.find("unit", finding.hint("take `unit` out"));
    }
    let user = unit.word::<Account>("user", "spec.word");
    let tasks = unit.integer("tasks_max", 1..=4_194_304);
    let read = UnitSpec {
        server: name?.to_owned(),
        path: unit.path().to_owned(),
        place,
        user: user.map(|user| user.value),
        resources: Resources {
            memory_max: unit.size("memory_max").map(|size| size.value),
            tasks_max: tasks.and_then(|tasks| u32::try_from(tasks.value).ok()),
            cpu_quota: unit
                .word::<CpuQuota>("cpu_quota", "spec.word")
                .map(|quota| quota.value),
        },
    };
    if read
        .resources
        .memory_max
        .is_some_and(|size| size < LEAST_MEMORY)
    {
        let finding = Finding::error("spec.unit", "no interpreter starts in so little memory");
        unit.find("memory_max", finding.hint("as `memory_max = \"512MiB\"`"));
    }
    unit.finish();
    Some(read)
}

/// A small native program needs about 2 MiB; whoever writes less meant another unit.
const LEAST_MEMORY: u64 = 1 << 20;

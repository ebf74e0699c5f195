//! `bench protocol`: the envelope against rmcp, and the memory of sessions and streams.

mod envelope;
mod memory;
mod payload;

use serde_json::{Value, json};

use crate::{Arguments, Fault};

/// What a bench found, for people and for programs.
pub(crate) struct Figures {
    pub(crate) table: String,
    pub(crate) json: Value,
}

pub(crate) fn run(arguments: &Arguments) -> Result<Figures, Fault> {
    let envelope = envelope::measure(arguments.quick)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let memory = runtime.block_on(memory::measure(arguments))?;
    Ok(Figures {
        table: format!("{}\n{}", envelope.table, memory.table),
        json: json!({
            "quick": arguments.quick,
            "envelope": envelope.json,
            "memory": memory.json,
        }),
    })
}

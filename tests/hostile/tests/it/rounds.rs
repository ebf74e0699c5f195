//! Nothing is left over after many faults; `cargo xtask soak gateway` runs a thousand rounds of the same.

use std::process::Command;

#[test]
fn twenty_rounds_of_every_fault_leave_nothing_over() {
    let output = Command::new(env!("CARGO_BIN_EXE_hostile-rounds"))
        .arg("20")
        .output()
        .expect("a program that runs");
    let report = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{report}{errors}");
    assert!(report.contains("\"clean\":true"), "{report}");
}

//! Everything that HTTP/3 forbids, said by h3i to an origin, and what came back.
//!
//! Usage: `interop-h3i ORIGIN`. Standard output has a line for each case that was not answered as the RFCs have it, and a line
//! with the counts; the exit code is 1 when there is such a case, or when the origin does not serve afterwards.

#[path = "../../../origin/tests/it/http3/cases.rs"]
#[expect(dead_code, reason = "bytes are for clients that have no frames")]
mod cases;
mod origin;
mod said;
#[path = "../../../origin/tests/it/http3/wire.rs"]
#[expect(dead_code, reason = "h3i writes frames and fields in its own way")]
mod wire;

use std::path::Path;
use std::process::ExitCode;

use cases::{Case, Cost};
use origin::Origin;
use said::{Outcome, say, sound};

fn main() -> ExitCode {
    let Some(program) = std::env::args_os().nth(1) else {
        eprintln!("usage: interop-h3i ORIGIN");
        return ExitCode::from(64);
    };
    match run(Path::new(&program)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(fault) => {
            eprintln!("error: {fault}");
            ExitCode::FAILURE
        }
    }
}

/// Whether every case was answered as it has to be, and the origin served before and after.
fn run(program: &Path) -> Result<bool, Fault> {
    let mut origin = Origin::start(program)?;
    let (mut said, mut differ) = (0, 0);
    let groups: [(&str, Vec<Case>); 4] = [
        ("a malformed message", cases::messages()),
        ("a frame on a request's stream", cases::frames()),
        ("a word on another stream", cases::streams()),
        ("a critical stream", cases::critical()),
    ];
    for (group, cases) in groups {
        for case in cases {
            let outcome = say(origin.port, &case);
            said += 1;
            if outcome != Outcome::from(case.cost) {
                differ += 1;
                println!(
                    "{group}, {} ({:?}): {outcome:?} and not {:?}",
                    case.what, case.stream, case.cost
                );
            }
        }
    }
    let last = sound(origin.port);
    let serves = last == Outcome::Answer(200) && origin.runs()?;
    println!(
        "{said} cases, {differ} not answered as the RFCs have it; the origin {}",
        if serves {
            "serves on"
        } else {
            "does not serve any more"
        }
    );
    Ok(differ == 0 && serves)
}

impl From<Cost> for Outcome {
    fn from(cost: Cost) -> Self {
        match cost {
            Cost::Stream(code) => Self::Reset(code),
            Cost::Connection(code) => Self::Closed(code),
        }
    }
}

/// Why nothing could be said.
type Fault = Box<dyn std::error::Error + Send + Sync>;

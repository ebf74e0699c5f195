//! A plan carried out on the machine, and what is said when it was not.

use std::collections::BTreeSet;
use std::time::Duration;

use deploy::plan::{Baseline, Plan, Verb, digest};
use findings::{Finding, Report};
use serde_json::Value;

use super::held::Held;
use super::proof::{Proof, Unproved};
use crate::error::{CommandError, HostError};
use crate::exit::Exit;
use crate::generations::{Draft, Generation};
use crate::ground::Ground;
use crate::guard;
use crate::host;
use crate::host::files::below;
use crate::host::signals::Signals;
use crate::settle::Before;
use crate::transaction::{Cause, End, Failed, MoveError, Purpose, Recovered, Transaction};
use crate::ui::Ui;

/// A plan and all that it takes to carry it out.
pub(crate) struct Carry<'a> {
    /// The machine.
    pub(crate) ground: &'a Ground,
    /// The steps.
    pub(crate) plan: Plan,
    /// What for.
    pub(crate) purpose: Purpose,
    /// The text of the spec; empty where everything is taken out, nothing where no generation comes of it.
    pub(crate) spec: Option<String>,
    /// What makes it good.
    pub(crate) proof: Proof<'a>,
    /// The generation that NGINX named before.
    pub(crate) named_before: Option<String>,
    /// Take it back unless it is confirmed within this time.
    pub(crate) confirm_within: Option<Duration>,
}

/// What was carried out.
#[derive(Debug)]
pub(crate) struct Carried {
    /// The generation.
    pub(crate) number: u64,
    /// The document of its verification; null where there was none.
    pub(crate) verification: Value,
}

/// Carries a plan out.
///
/// # Errors
/// Exit 11, 12, 14 when everything is as it was; 13 when it is not; 20 when the machine moved before anything began.
pub(crate) async fn carry_out(carry: Carry<'_>, ui: &mut Ui) -> Result<Carried, CommandError> {
    let ground = carry.ground;
    let machine = ground.machine();
    let newest = ground.generations().newest();
    let number = newest + u64::from(carry.spec.is_some());
    let transaction = Transaction {
        generation: number,
        purpose: carry.purpose,
        who: host::person(),
        time: host::since_epoch().as_secs(),
        plan: carry.plan.clone(),
    };
    let spec = carry.spec.as_deref();
    let draft = spec.map(|spec| draft(&carry, &transaction, spec));
    let draft = draft.transpose()?;
    let mut signals = Signals::listen()?;
    let (before, held) = look(&carry).await;
    ui.step("installing, telling the units, verifying");
    let proved = std::cell::RefCell::new(Value::Null);
    let taken_up = async || {
        let proof = carry
            .proof
            .taken_up(&transaction.plan, &before, held.as_ref());
        let document = tokio::select! {
            document = proof => document?,
            signal = signals.next() => return Err(Unproved::Interrupted(signal)),
        };
        if let Some(within) = carry.confirm_within {
            guard::set(ground, number, within)
                .await
                .map_err(Unproved::Unguarded)?;
        }
        *proved.borrow_mut() = document.clone();
        Ok(document)
    };
    let installed = async || carry.proof.installed().await;
    let done = Box::pin(machine.run(&transaction, draft.as_ref(), installed, taken_up)).await;
    if let Err(failed) = done {
        guard::lift(ground).await?;
        return Err(told(&carry, failed, &before).await);
    }
    Ok(Carried {
        number,
        verification: proved.into_inner(),
    })
}

/// What runs before anything changes.
async fn look(carry: &Carry<'_>) -> (Before, Option<Held>) {
    let serving = match &carry.proof {
        Proof::Nothing | Proof::Valid(_) => return (Before::default(), None),
        Proof::Certificates(deployment, _) => return (Before::look(deployment).await, None),
        Proof::Serving(serving) => serving,
    };
    let restarts = carry
        .plan
        .services()
        .any(|(verb, _)| matches!(verb, Verb::Restart | Verb::Start | Verb::Stop));
    // a stream ends with its origin; held is one that only a reload could lose
    let held = match serving.access() {
        Ok(access) if !restarts && carry.named_before.is_some() => {
            Held::open(serving.deployment, &access).await
        }
        _ => None,
    };
    (Before::look(serving.deployment).await, held)
}

fn draft(carry: &Carry<'_>, transaction: &Transaction, spec: &str) -> Result<Draft, CommandError> {
    let plan = &carry.plan;
    let generation = Generation {
        number: transaction.generation,
        time: transaction.time,
        who: transaction.who.clone(),
        purpose: carry.purpose,
        digest: plan
            .generation
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default(),
        spec_digest: digest(spec.as_bytes()),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        verification: Value::Null,
    };
    Ok(Draft {
        generation,
        spec: spec.as_bytes().to_vec(),
        baseline: baseline(carry)?,
    })
}

/// What the planner will remember: the plan writes it, or leaves it as it is.
fn baseline(carry: &Carry<'_>) -> Result<Vec<u8>, CommandError> {
    let path = format!("{}/baseline.json", carry.ground.state.path());
    let written = carry
        .plan
        .changes()
        .find(|change| change.path == path)
        .map(|change| change.after.digest());
    match written {
        Some(Some(digest)) => Ok(carry
            .plan
            .texts
            .get(digest)
            .cloned()
            .unwrap_or_default()
            .into_bytes()),
        Some(None) => Ok(Vec::new()),
        None => {
            let path = below(&carry.ground.root, &path);
            let read = std::fs::read(&path);
            Ok(read.map_err(HostError::on("read", path.display()))?)
        }
    }
}

/// What is said of a transaction that did not come to its end.
async fn told(carry: &Carry<'_>, failed: Failed<Unproved>, before: &Before) -> CommandError {
    let Failed { cause, end } = failed;
    let moved = matches!(&cause, Cause::Move(MoveError::Moved(_)));
    let not_issued = matches!(&cause, Cause::Move(MoveError::NotIssued { .. }));
    let (mut exit, findings, mut error): (_, _, Option<Box<dyn std::error::Error + Send + Sync>>) =
        match cause {
            Cause::Move(error) => (Exit::ApplyRestored, Report::new(), Some(error.into())),
            Cause::Proof(unproved) => (unproved.exit(), unproved.findings(), None),
        };
    let mut hints = Vec::new();
    match end {
        End::Untouched if moved => {
            exit = Exit::StalePlan;
            hints.push("nothing was changed: run it again".to_owned());
        }
        End::Untouched => hints.push("nothing was changed".to_owned()),
        End::InForce => {
            exit = Exit::Unexpected;
            hints.push(
                "the new configuration is in force and verified; the next run of opsctl records it"
                    .to_owned(),
            );
        }
        End::NotRestored(why) => {
            exit = Exit::ApplyNotRestored;
            error = Some(why.into());
            hints.push("some files are old and some are new; mend what is named above and run `opsctl apply` again: it puts everything back first".to_owned());
        }
        End::Restored(left) => {
            hints.push("everything is as it was before".to_owned());
            if not_issued {
                hints.push(NOT_ISSUED.to_owned());
            }
            if !left.is_empty() {
                hints.push(format!(
                    "somebody else changed `{}` meanwhile; that was left alone",
                    left.join("`, `")
                ));
            }
            let snippets = snippets_by_hand(carry);
            if !snippets.is_empty() {
                hints.push(format!(
                    "changed by hand since the last apply, left as it is and read by NGINX: `{}`; mend it, then `opsctl apply`",
                    snippets.join("`, `")
                ));
            }
            if let Err(finding) = serves_again(carry, before).await {
                exit = Exit::ApplyNotRestored;
                let mut findings = findings;
                findings.push(finding);
                return CommandError {
                    exit,
                    error,
                    hints,
                    findings,
                };
            }
        }
    }
    CommandError {
        exit,
        error,
        hints,
        findings,
    }
}

/// The snippets that are not as they were when NGINX read them last: they are not opsctl's, and no way back touches them.
fn snippets_by_hand(carry: &Carry<'_>) -> Vec<String> {
    let path = format!("{}/baseline.json", carry.ground.state.path());
    let read = |text: &str| Baseline::read(text).ok().map(|base| base.snippets);
    let before = std::fs::read_to_string(below(&carry.ground.root, &path))
        .ok()
        .and_then(|text| read(&text))
        .unwrap_or_default();
    let wanted = baseline(carry).ok().map(String::from_utf8);
    let Some(after) = wanted.and_then(Result::ok).and_then(|text| read(&text)) else {
        return Vec::new();
    };
    let paths: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let changed = paths
        .into_iter()
        .filter(|path| before.get(*path) != after.get(*path));
    changed.cloned().collect()
}

/// After the way back NGINX and the origins name the generations again that they named before.
async fn serves_again(carry: &Carry<'_>, before: &Before) -> Result<(), Finding> {
    let deployment = match &carry.proof {
        Proof::Nothing | Proof::Valid(_) => return Ok(()),
        Proof::Certificates(deployment, _) => deployment,
        Proof::Serving(serving) => serving.deployment,
    };
    before.origins.are_back(deployment, &carry.plan).await?;
    match &carry.named_before {
        Some(named) => before.settled(deployment, named, false).await,
        None => Ok(()),
    }
}

/// Ends what an earlier run left behind, and says what came of it.
pub(crate) async fn recover(ground: &Ground, ui: &mut Ui) -> Result<bool, CommandError> {
    let recovered = ground.machine().recover().await.map_err(|error| {
        CommandError::new(Exit::ApplyNotRestored, error)
            .hint("an earlier run was cut off, and what it left behind cannot be put in order; mend what is named above and run this again")
    })?;
    match recovered {
        Recovered::Nothing => return Ok(false),
        Recovered::Finished(what) => {
            ui.say(format_args!(
                "an earlier run was cut off after {what} was verified: it is committed now"
            ));
        }
        Recovered::Undone(what, left) => {
            ui.say(format_args!(
                "an earlier run was cut off before {what} was verified: it is taken back"
            ));
            if !left.is_empty() {
                let finding = Finding::warn(
                    "apply.left",
                    format!(
                        "`{}` changed since then and was left alone",
                        left.join("`, `")
                    ),
                );
                ui.say(finding);
            }
        }
    }
    Ok(true)
}

const NOT_ISSUED: &str = "each name has to lead to this machine, whose port 80 has to be open to the ACME server; \
`/var/log/letsencrypt/letsencrypt.log` says more; then run `opsctl apply` again";

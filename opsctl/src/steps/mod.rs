//! What `apply`, `rollback` and `uninstall` have in common: a plan is rehearsed, carried out, proved, and told.

mod audit;
mod carry;
mod certificates;
mod held;
mod origins;
mod owners;
mod proof;
mod ready;
mod rehearse;

pub(crate) use audit::{audit, timestamp};
pub(crate) use carry::{Carried, Carry, carry_out, recover};
pub(crate) use certificates::{
    add_certificates, installation, reader, reload, remove_certificates,
};
pub(crate) use origins::Origins;
pub(crate) use proof::{Proof, Serving};
pub(crate) use ready::check_machine;
pub(crate) use rehearse::{Rehearsed, rehearse};

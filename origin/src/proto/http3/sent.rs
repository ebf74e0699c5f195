//! Short answers that were sent whole, until their clients have them.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::outbound::Sender;

/// Answers of one connection of which the client may not have everything yet.
///
/// A task for each that waits costs more than all the rest of sending it. They matter only when the connection is to be closed,
/// and until then are let go of now and then.
#[derive(Default)]
pub(super) struct Sent(Mutex<VecDeque<Sender>>);

impl Sent {
    /// Keeps one.
    pub(super) fn keep(&self, answer: Sender) {
        let mut answers = self.answers();
        // Two are looked at for one that comes: there are never more than twice as many as the client has to acknowledge, which
        // is as many as it may have requests at a time.
        for _ in 0..2 {
            match answers.pop_front() {
                Some(answer) if !answer.is_settled() => answers.push_back(answer),
                _ => {}
            }
        }
        answers.push_back(answer);
    }

    /// Waits until the client has all of them.
    pub(super) async fn settle(&self) {
        let answers = std::mem::take(&mut *self.answers());
        for mut answer in answers {
            answer.until_gone().await;
        }
    }

    fn answers(&self) -> MutexGuard<'_, VecDeque<Sender>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

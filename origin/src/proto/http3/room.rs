//! Room for futures of one kind, kept from one to the next.
//!
//! A request needs a few KiB while it is answered. An allocator keeps small pieces at hand; for large ones it looks through its
//! lists, and tidies them up, each time.

use std::cell::RefCell;
use std::future::Future;

use tokio_util::sync::ReusableBoxFuture;

/// Room for one future, or none: for the `LocalKey` of a thread.
pub(super) struct Room<T>(RefCell<Option<Lodged<T>>>);

/// A future that has its room.
pub(super) type Lodged<T> = ReusableBoxFuture<'static, T>;

impl<T> Room<T> {
    pub(super) const fn new() -> Self {
        Self(RefCell::new(None))
    }

    /// Puts a future into the room; into a new one when it is taken.
    pub(super) fn lodge(&self, future: impl Future<Output = T> + Send + 'static) -> Lodged<T> {
        match self.0.take() {
            Some(mut room) => {
                room.set(future);
                room
            }
            None => Lodged::new(future),
        }
    }

    /// Gives back the room of a future that has ended.
    pub(super) fn leave(&self, ended: Lodged<T>) {
        self.0.replace(Some(ended));
    }
}

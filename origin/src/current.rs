//! A value that stands until another one takes its place.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

/// What is true now, shared by all who ask. Who has asked keeps what it got.
pub struct Current<T>(Arc<RwLock<Arc<T>>>);

impl<T> Current<T> {
    /// The value of this moment.
    pub fn now(&self) -> Arc<T> {
        let value = self.0.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&value)
    }

    /// Puts another one in its place.
    pub fn replace(&self, value: Arc<T>) {
        let mut place = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let old = std::mem::replace(&mut *place, value);
        drop(place);
        // Outside the lock: its end may take a while.
        drop(old);
    }
}

impl<T> From<Arc<T>> for Current<T> {
    fn from(value: Arc<T>) -> Self {
        Self(Arc::new(RwLock::new(value)))
    }
}

impl<T> Clone for Current<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: fmt::Debug> fmt::Debug for Current<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Current").field(&self.now()).finish()
    }
}

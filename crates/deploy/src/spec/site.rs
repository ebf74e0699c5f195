//! One site.

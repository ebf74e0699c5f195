//! The name of a rendering: a digest over everything that decides it.

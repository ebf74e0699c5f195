//! From a deployment spec to rendered files: pure.

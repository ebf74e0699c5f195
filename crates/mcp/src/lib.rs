//! The Model Context Protocol without I/O: messages in, messages out.

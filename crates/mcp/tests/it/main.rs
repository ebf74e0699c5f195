//! The protocol from outside: what a client posts, what a server is told, and that nothing is lost between them.

mod dispatch;
mod passthrough;
mod upstream;

//! The protocol from outside: what a client posts, what a server is told, and that nothing is lost between them.

mod eras;
mod hostile;
mod legacy;
mod listen;
mod modern;
mod passthrough;
mod upstream;
mod world;

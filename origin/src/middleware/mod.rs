//! What happens to every request before and after its endpoint.

pub mod access_log;
pub mod api_key;
mod asked;
pub mod body_limit;
pub mod client;
pub mod cors;
pub mod host;
pub mod limit;
pub mod page;
pub mod panic_guard;
pub mod request_id;
mod stack;
pub mod streaming;
pub mod timeout;
pub mod upgrade;

pub use asked::Asked;
pub use stack::respond;

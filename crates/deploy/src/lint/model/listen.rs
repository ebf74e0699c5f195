//! `listen`, in `http` and in `stream`.

use crate::nginx_conf::Statement;

use super::value::Address;

/// One `listen` of a server.
#[derive(Debug, Clone)]
pub(crate) struct Listen<'c> {
    /// The directive.
    pub(crate) statement: &'c Statement,
    /// Where it listens.
    pub(crate) address: Address,
}

impl<'c> Listen<'c> {
    pub(super) fn read(statement: &'c Statement) -> Self {
        Self {
            statement,
            // without a port NGINX takes 80
            address: Address::read(statement.argument(0), 80),
        }
    }

    /// Whether it has this parameter, such as `quic`; with `=` at the end, any value of it.
    pub(crate) fn has(&self, parameter: &str) -> bool {
        self.position(parameter).is_some()
    }

    /// The index of a parameter among the words behind `listen`.
    pub(crate) fn position(&self, parameter: &str) -> Option<usize> {
        self.statement
            .arguments()
            .enumerate()
            .skip(1)
            .find_map(|(index, word)| {
                let is_it =
                    word == parameter || (parameter.ends_with('=') && word.starts_with(parameter));
                is_it.then_some(index)
            })
    }

    /// Whether it is the default server of its address by its own word.
    pub(crate) fn is_default(&self) -> bool {
        self.has("default_server") || self.has("default")
    }

    /// Datagrams: QUIC in `http`, `udp` in `stream`.
    pub(crate) fn is_udp(&self) -> bool {
        self.has("quic") || self.has("udp")
    }

    /// Whether both ask for the same socket.
    pub(crate) fn same_socket(&self, other: &Self) -> bool {
        self.address == other.address && self.is_udp() == other.is_udp()
    }
}

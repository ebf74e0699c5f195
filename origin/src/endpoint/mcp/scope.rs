//! Which servers a request is about: those of its path, and of them those that its key opens.

use std::sync::Arc;

use http::request::Parts;
use mcp::{Catalog, Naming};

use crate::keys::Holder;
use crate::snapshot::Snapshot;

/// The servers of an endpoint, for one who asks.
#[derive(Debug, Clone)]
pub(super) struct Scope {
    /// The one server that the path names; `None`: all.
    server: Option<Arc<str>>,
    holder: Option<Arc<Holder>>,
}

impl Scope {
    /// The scope of a request that was routed here.
    pub(super) fn of(head: &Parts) -> Self {
        let rest = head.uri.path().strip_prefix("/servers/");
        Self {
            server: rest.map(|rest| rest.split('/').next().unwrap_or_default().into()),
            holder: Holder::of(&head.extensions).cloned(),
        }
    }

    /// What the scope offers; `None` when there is no server of its name.
    pub(super) fn catalog(&self, whole: &Arc<Snapshot>) -> Option<Arc<Catalog>> {
        let seen = match &self.holder {
            Some(holder) => holder.view(whole),
            None => Arc::clone(whole),
        };
        match &self.server {
            None => Some(Arc::clone(&seen.catalog)),
            Some(name) => seen.server(name).map(|server| Arc::clone(&server.catalog)),
        }
    }

    /// Whether a server belongs to it.
    pub(super) fn has(&self, server: &str) -> bool {
        let here = self.server.as_deref();
        let holder = self.holder.as_ref();
        here.is_none_or(|name| name == server)
            && holder.is_none_or(|holder| holder.record().opens(server))
    }

    /// How tools are named in it: where one server is served alone its tools have their own names.
    pub(super) fn naming(&self, usual: Naming) -> Naming {
        match self.server {
            None => usual,
            Some(_) => Naming::Plain,
        }
    }

    /// The key that asks is good no more.
    pub(super) fn is_over(&self) -> bool {
        self.holder.as_ref().is_some_and(|holder| holder.is_over())
    }
}

/// The same servers for the same key. A key whose entry in the file was changed is another one.
impl PartialEq for Scope {
    fn eq(&self, other: &Self) -> bool {
        let same_holder = match (&self.holder, &other.holder) {
            (None, None) => true,
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            _ => false,
        };
        same_holder && self.server == other.server
    }
}

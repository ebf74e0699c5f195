//! `subscriptions/listen` of 2026-07-28: one request, whose answer is a stream of changes.
//!
//! The origin keeps all lists itself, so it knows of their changes; of resources and tasks it hears from the servers.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::catalog::Catalog;
use crate::dispatch::{SUBSCRIPTION_ID, TASKS, method};
use crate::error::{Error, INVALID_PARAMS};
use crate::forward::prefixed_task;
use crate::jsonrpc::Id;
use crate::modern::task;
use crate::offers::Kind;
use crate::raw::{self, Object, quote};
use crate::reply;
use crate::upstream::Caller;
use crate::version::Era;

/// One client that listens.
#[derive(Debug, PartialEq, Eq)]
pub struct Listen {
    id: Id,
    /// The lists whose changes are told: tools, prompts, resources.
    lists: Vec<Kind>,
    /// Resources with their servers.
    resources: Vec<(Arc<str>, String)>,
    /// Tasks with their servers: the server's own id, and the public one.
    tasks: Vec<(Arc<str>, String, String)>,
    /// The client's `_meta`, for the servers that are asked to tell of tasks.
    meta: String,
}

/// A listen request for a server, about its tasks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// The server.
    pub server: Arc<str>,
    /// The method.
    pub method: &'static str,
    /// Its `params`.
    pub params: String,
    /// The client that listens.
    pub caller: Caller,
}

impl Listen {
    /// Reads a request: what is asked for and there to be had.
    pub(crate) fn read(id: Id, params: &Object<'_>, catalog: &Catalog) -> Result<Self, Error> {
        let wrong =
            |what: &str| Error::new(INVALID_PARAMS, format!("`params.notifications` {what}"));
        let filter = params
            .find("notifications")
            .and_then(|filter| Object::read(filter.value))
            .ok_or_else(|| wrong("is not an object"))?;
        let strings = |key: &str| -> Result<Vec<String>, Error> {
            let Some(member) = filter.find(key).filter(|member| member.value != "null") else {
                return Ok(Vec::new());
            };
            let elements = raw::elements(member.value).unwrap_or_else(|| vec![""]);
            if elements.len() > MAX_SUBJECTS {
                return Err(wrong("asks for too many things"));
            }
            let texts = elements.into_iter().map(raw::unquote);
            let texts: Option<Vec<String>> = texts.map(|text| Some(text?.into_owned())).collect();
            texts.ok_or_else(|| wrong("has something else than strings"))
        };
        let capabilities = catalog.capabilities(Era::Modern);
        let wants = |key: &str| {
            filter
                .find(key)
                .is_some_and(|member| member.value == "true")
        };
        let lists = LISTS.into_iter().filter(|(kind, key)| {
            // Tools may come at any time, whatever is there now.
            wants(key) && (*kind == Kind::Tools || kind.of(capabilities))
        });
        let lists = lists.map(|(kind, _)| kind).collect();
        let reader = |uri: String| {
            let member = catalog.reader(&uri)?;
            let tells = member.capabilities.subscribe;
            tells.then(|| (Arc::clone(&member.name), uri))
        };
        let resources = strings("resourceSubscriptions")?;
        let tasks = strings("taskIds")?;
        let of_server = |public: String| {
            let (server, own) = task(catalog, &public)?;
            let own = own.to_owned();
            Some((server, own, public))
        };
        let knows_tasks = capabilities.has_extension(TASKS);
        Ok(Self {
            id,
            lists,
            resources: resources.into_iter().filter_map(reader).collect(),
            tasks: tasks
                .into_iter()
                .filter(|_| knows_tasks)
                .filter_map(of_server)
                .collect(),
            meta: params
                .find("_meta")
                .map_or("{}", |meta| meta.value)
                .to_owned(),
        })
    }

    /// The first message: what of the request is honoured.
    pub fn acknowledgement(&self) -> String {
        let mut honoured: Vec<String> = LISTS
            .into_iter()
            .filter(|(kind, _)| self.lists.contains(kind))
            .map(|(_, key)| format!("\"{key}\":true"))
            .collect();
        let mut strings = |key: &str, texts: Vec<String>| {
            if !texts.is_empty() {
                honoured.push(format!("\"{key}\":[{}]", texts.join(",")));
            }
        };
        let uris = self.resources.iter().map(|(_, uri)| quote(uri));
        strings("resourceSubscriptions", uris.collect());
        let ids = self.tasks.iter().map(|(_, _, public)| quote(public));
        strings("taskIds", ids.collect());
        let params = format!("{{\"notifications\":{{{}}}}}", honoured.join(","));
        self.message(method::ACKNOWLEDGED, &params)
    }

    /// The resources to be watched, with their servers.
    pub fn resources(&self) -> &[(Arc<str>, String)] {
        &self.resources
    }

    /// What is to be asked of the servers whose tasks are listened to.
    pub fn asks(&self) -> Vec<Ask> {
        let mut by_server: BTreeMap<&Arc<str>, Vec<String>> = BTreeMap::new();
        for (server, own, _) in &self.tasks {
            by_server.entry(server).or_default().push(quote(own));
        }
        let ask = |(server, ids): (&Arc<str>, Vec<String>)| Ask {
            server: Arc::clone(server),
            method: method::LISTEN,
            params: format!(
                "{{\"notifications\":{{\"taskIds\":[{}]}},\"_meta\":{}}}",
                ids.join(","),
                self.meta
            ),
            caller: Caller::Modern(None),
        };
        by_server.into_iter().map(ask).collect()
    }

    /// What is to be told when the offers change from `old` to `new`.
    pub fn changed(&self, old: &Catalog, new: &Catalog) -> Vec<String> {
        changes(old, new)
            .filter(|kind| self.lists.contains(kind))
            .map(|kind| self.message(method::change_of(kind), "{}"))
            .collect()
    }

    /// What is to be told when a server says that a resource changed; `params` are that server's.
    pub fn updated(&self, server: &str, params: &str) -> Option<String> {
        let uri = updated_uri(params)?;
        let wanted = |(own, wanted): &(Arc<str>, String)| **own == *server && *wanted == uri;
        let told = self.resources.iter().any(wanted);
        told.then(|| self.message(method::RESOURCE_UPDATED, params))
    }

    /// What is to be told when a server says something of a task; `params` are that server's. Its own acknowledgement is not.
    pub fn task(&self, server: &str, method: &str, params: &str) -> Option<String> {
        let id = Object::read(params)?.find("taskId")?.text()?.into_owned();
        let wanted =
            |(own, id_there, _): &&(Arc<str>, String, String)| **own == *server && *id_there == id;
        let (.., public) = self.tasks.iter().find(wanted)?;
        let told = method == method::TASKS;
        let params = if *public == id {
            params.to_owned()
        } else {
            prefixed_task(params, server)
        };
        told.then(|| self.message(method, &params))
    }

    /// The last message, when the origin ends the stream.
    pub fn end(&self) -> String {
        let result = format!(
            "{{\"resultType\":\"complete\",\"_meta\":{{\"{SUBSCRIPTION_ID}\":{}}}}}",
            self.id
        );
        reply::result(&self.id, &result)
    }

    /// A notification with the id of this request, spelled as the client did.
    fn message(&self, method: &str, params: &str) -> String {
        let own = format!("\"{SUBSCRIPTION_ID}\":{}", self.id);
        let tagged = Object::read(params).map(|object| {
            let meta = object.find("_meta");
            match meta.and_then(|meta| Some((meta, Object::read(meta.value)?))) {
                Some((meta, inner)) => {
                    let kept = inner.without(|key| key == SUBSCRIPTION_ID);
                    let kept = Object::read(&kept).map(|kept| kept.with(&own));
                    object.replaced(meta, &kept.unwrap_or_default())
                }
                None => object.with(&format!("\"_meta\":{{{own}}}")),
            }
        });
        reply::notification(method, Some(tagged.as_deref().unwrap_or(params)))
    }
}

/// The lists that differ, by the notification that tells of them: the templates of resources have none of their own.
pub(crate) fn changes(old: &Catalog, new: &Catalog) -> impl Iterator<Item = Kind> {
    let differs = |kind| old.list(kind) != new.list(kind);
    let lists = [
        (Kind::Tools, differs(Kind::Tools)),
        (Kind::Prompts, differs(Kind::Prompts)),
        (
            Kind::Resources,
            differs(Kind::Resources) || differs(Kind::Templates),
        ),
    ];
    let changed = lists.into_iter().filter(|(_, changed)| *changed);
    changed.map(|(kind, _)| kind)
}

/// The resource that `notifications/resources/updated` is about.
pub fn updated_uri(params: &str) -> Option<String> {
    let uri = Object::read(params)?.find("uri")?.text()?.into_owned();
    Some(uri)
}

/// The lists with their members in the filter.
const LISTS: [(Kind, &str); 3] = [
    (Kind::Tools, "toolsListChanged"),
    (Kind::Prompts, "promptsListChanged"),
    (Kind::Resources, "resourcesListChanged"),
];

/// The most resources, and the most tasks, of one request: each costs the origin a subscription.
const MAX_SUBJECTS: usize = 1_000;

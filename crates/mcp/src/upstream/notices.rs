//! Notifications of a server: whom each is for.

use super::{Event, Pended, Pending, Upstream, translate};
use crate::dispatch::{SUBSCRIPTION_ID, method};
use crate::jsonrpc::Notification;
use crate::level::Level;
use crate::raw::Object;
use crate::version::Era;

impl Upstream {
    pub(super) fn noticed(&mut self, notification: &Notification<'_>) {
        let Some(era) = self.era() else {
            return self.ignore("a notification came before the handshake".to_owned());
        };
        let method = notification.method.as_ref();
        let kinds = method::changed_lists(method);
        if !kinds.is_empty() {
            for kind in kinds {
                self.changed(*kind);
            }
            return;
        }
        let subscription = subscription(notification.params);
        match method {
            method::PROGRESS => self.progressed(notification.params),
            method::MESSAGE if self.shared => self.logged(notification),
            method::ACKNOWLEDGED if subscription.is_some_and(|id| self.listens(id)) => {
                let id = subscription.unwrap_or_default();
                self.acknowledged(id, notification.params.unwrap_or_default());
            }
            _ if self.subscribed(notification, subscription) => {}
            method::RESOURCE_UPDATED => self.notice(notification),
            method::CANCELLED if self.shared || era == Era::Modern => {
                self.unlistened(notification.params);
            }
            _ if self.shared => {
                self.ignore(format!("the notification `{method}` is not passed on"));
            }
            _ => self.notice(notification),
        }
    }

    fn notice(&mut self, notification: &Notification<'_>) {
        self.events.push_back(Event::Notice {
            method: notification.method.clone().into_owned(),
            params: notification.params.map(translate::unsubscribed),
        });
    }

    fn note(&mut self, ticket: u64, notification: &Notification<'_>) {
        self.events.push_back(Event::Note {
            ticket,
            method: notification.method.clone().into_owned(),
            params: notification.params.map(ToOwned::to_owned),
        });
    }

    fn progressed(&mut self, params: Option<&str>) {
        let object = params.and_then(Object::read);
        let member = object
            .as_ref()
            .and_then(|object| object.find("progressToken"));
        let id = member.and_then(|member| member.value.parse().ok());
        let call = id.and_then(|id: u64| self.pending.get(&id));
        if let (
            Some(object),
            Some(member),
            Some(Pending::Call(Pended {
                ticket,
                token: Some(token),
                ..
            })),
        ) = (&object, member, call)
        {
            let event = Event::Note {
                ticket: *ticket,
                method: method::PROGRESS.to_owned(),
                params: Some(object.replaced(member, token)),
            };
            self.events.push_back(event);
        }
    }

    /// A log message of a shared server goes to the one caller that may have caused it and wants it; where two may have, to
    /// nobody: it could tell one client what another does. A request of 2026-07-28 that names no level causes none.
    fn logged(&mut self, notification: &Notification<'_>) {
        let silent = |level: Option<Level>| self.era() == Some(Era::Modern) && level.is_none();
        let mut suspects = self.pending.values().filter_map(|pending| match pending {
            Pending::Call(pended) if !pended.listens && !silent(pended.caller.level()) => {
                Some((pended.ticket, pended.caller.level()))
            }
            _ => None,
        });
        match (suspects.next(), suspects.next()) {
            (Some((ticket, Some(wanted))), None) => {
                let told = notification
                    .params
                    .and_then(|params| Level::parse(&Object::read(params)?.find("level")?.text()?));
                if told.is_none_or(|told| told >= wanted) {
                    self.note(ticket, notification);
                }
            }
            _ => self.ignore("a log message has no reader, or more than one".to_owned()),
        }
    }

    /// A notification of a listen request that a caller made here.
    fn subscribed(&mut self, notification: &Notification<'_>, id: Option<u64>) -> bool {
        let Some(Pending::Call(Pended { ticket, .. })) = id.and_then(|id| self.pending.get(&id))
        else {
            return false;
        };
        self.note(*ticket, notification);
        true
    }

    /// On a pipe a server ends a listen request by this notification (2026-07-28, cancellation). It has no request of its own here
    /// that it could mean.
    fn unlistened(&mut self, params: Option<&str>) {
        let id = params.and_then(|params| {
            let params = Object::read(params)?;
            params.find("requestId")?.value.parse::<u64>().ok()
        });
        if let Some(id) = id.filter(|id| self.listens(*id)) {
            return self.listen_ended(id, None);
        }
        match id.and_then(|id| Some((id, self.pending.get(&id)?))) {
            Some((
                id,
                &Pending::Call(Pended {
                    listens: true,
                    ticket,
                    ..
                }),
            )) => {
                self.pending.remove(&id);
                self.tickets.remove(&ticket);
                self.answered(ticket, Ok("{}"));
            }
            // The end of one that was taken back here crossed that on its way.
            None if id.is_some_and(|id| id < self.next_id) => {}
            _ => self.ignore("a request was cancelled that nobody made".to_owned()),
        }
    }
}

/// The listen request that a notification belongs to.
fn subscription(params: Option<&str>) -> Option<u64> {
    let params = Object::read(params?)?;
    let meta = Object::read(params.find("_meta")?.value)?;
    meta.find(SUBSCRIPTION_ID)?.value.parse().ok()
}

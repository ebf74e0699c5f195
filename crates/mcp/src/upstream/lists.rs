//! The lists of a server: read when it is met, and again when they change.

use super::listing::{Listing, Next};
use super::{Event, Pending, Phase, Upstream};
use crate::dispatch::method;
use crate::offers::{Kind, List};
use crate::version::Era;

impl Upstream {
    pub(super) fn list(&mut self, kind: Kind) {
        self.listings.insert(kind, Listing::default());
        self.own_request(method::of_list(kind), "{}", Pending::Page(kind));
    }

    pub(super) fn page(&mut self, kind: Kind, outcome: Result<&str, &str>) {
        let Some(listing) = self.listings.remove(&kind) else {
            return;
        };
        let era = self.era().unwrap_or(Era::Legacy);
        match listing.page(era, kind, outcome) {
            Next::Page(listing, cursor) => {
                self.listings.insert(kind, listing);
                let params = format!("{{\"cursor\":{cursor}}}");
                self.own_request(method::of_list(kind), &params, Pending::Page(kind));
            }
            Next::End { stale: true, .. } => self.list(kind),
            Next::End { list, .. } => self.listed(kind, list),
            // Without a first list of its tools a server is of no use; without a later one it keeps what it had, and
            // servers that declare resources and know no templates are common.
            Next::Broken(reason) if kind == Kind::Tools && !self.is_ready() => self.fail(reason),
            Next::Broken(reason) => {
                self.ignore(reason);
                self.settle();
            }
        }
    }

    fn listed(&mut self, kind: Kind, list: List) {
        match &mut self.phase {
            Phase::Listing(_, hello) => hello.offers.set(kind, list),
            _ => self.events.push_back(Event::Listed { kind, list }),
        }
        self.settle();
    }

    /// Reads a list again: it has changed, or is not fresh any more.
    pub fn changed(&mut self, kind: Kind) {
        if let Some(listing) = self.listings.get_mut(&kind) {
            listing.stale = true;
        } else if self.is_ready() {
            self.list(kind);
        }
    }
}

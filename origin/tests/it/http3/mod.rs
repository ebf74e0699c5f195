//! HTTP/3: what good clients get, and what the others get.

mod cases;
mod faults;
mod floods;
mod life;
mod malformed;
pub(crate) mod raw;
mod requests;
mod restart;
mod wire;

use origin_config::OriginConfig;

use crate::support::World;
use crate::tls::Pki;

/// An origin with HTTP/3, and a client's view of its certificate.
pub(crate) struct Quic {
    pub(crate) world: World,
    pub(crate) pki: Pki,
}

impl Quic {
    pub(crate) fn start() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(change: impl FnOnce(&mut OriginConfig)) -> Self {
        let pki = Pki::new(&["origin.test"]);
        let world = World::with(|config| {
            pki.configure(config);
            config.quic.bind = vec![([127, 0, 0, 1], 0).into()];
            change(config);
        });
        Self { world, pki }
    }
}

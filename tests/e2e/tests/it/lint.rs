//! `opsctl lint` against the real NGINX: what it calls an error does harm, and its cure takes the harm away.

mod certificates;
mod corpus;
mod files;
mod headers;
mod oracle;
mod origin;
mod outside;
mod passthrough;
mod quic;
mod sockets;
mod stage;
mod streams;
mod targets;
mod tls;
mod upstream;

use deploy::lint::{Proof, RULES};

/// The texts in which the harms are shown.
const SHOWN_IN: [&str; 10] = [
    include_str!("lint/certificates.rs"),
    include_str!("lint/files.rs"),
    include_str!("lint/headers.rs"),
    include_str!("lint/passthrough.rs"),
    include_str!("lint/quic.rs"),
    include_str!("lint/sockets.rs"),
    include_str!("lint/streams.rs"),
    include_str!("lint/targets.rs"),
    include_str!("lint/tls.rs"),
    include_str!("lint/upstream.rs"),
];

#[test]
fn every_harm_that_is_said_to_be_shown_is_shown_here() {
    for rule in RULES {
        if let Proof::Shown(_) = rule.proof {
            let name = format!("\"{}\"", rule.id);
            let is_shown = SHOWN_IN.iter().any(|text| text.contains(&name));
            assert!(is_shown, "{}", rule.id);
        }
    }
}

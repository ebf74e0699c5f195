//! The one table of what needs which NGINX, and of what is known against a version.

use findings::{Finding, Report};

use super::{Target, Version};

/// What a rendering may use when the target has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Feature {
    /// `http2 on;` in place of `listen … http2`.
    Http2Directive,
    /// `add_header_inherit merge;`: a location's own `add_header` no longer drops those of its server.
    HeaderInheritance,
    /// Session tickets whose rotated keys cannot be forged (CVE-2026-97629).
    SafeTickets,
    /// The hybrid post-quantum group X25519MLKEM768, by the OpenSSL that runs.
    HybridKeyExchange,
}

impl Target {
    /// Whether this target has a feature.
    pub fn has(&self, feature: Feature) -> bool {
        match feature {
            Feature::HybridKeyExchange => self
                .openssl_running
                .is_some_and(|version| version >= HYBRID_OPENSSL),
            other => FLOORS
                .iter()
                .any(|(row, floors)| *row == other && self.version.has_reached(floors)),
        }
    }
}

/// What makes the target unfit, as errors, and what is known against it, as warnings.
pub fn find_faults(target: &Target) -> Report {
    let mut report = Report::new();
    if !target.has(Feature::Http2Directive) {
        let message = format!(
            "NGINX {} is older than {OLDEST}, the first that is rendered for",
            target.version
        );
        report.push(
            Finding::error("target.version", message)
                .hint("Debian 13 has 1.26.3 with HTTP/3; name another with `--nginx`"),
        );
    } else if !target.has_http_v3 {
        let message = format!("NGINX {} was built without HTTP/3", target.version);
        report.push(Finding::error("target.http-v3", message).hint(
            "it needs `--with-http_v3_module` in `nginx -V`; Debian 13's own package has it",
        ));
    }
    let open: Vec<&str> = KNOWN_FAULTS
        .iter()
        .filter(|fault| target.version >= fault.since && !target.version.has_reached(fault.fixed))
        .map(|fault| fault.name)
        .collect();
    if !open.is_empty() && !report.has_errors() {
        let message = format!(
            "NGINX {} has known faults: {}",
            target.version,
            open.join(", ")
        );
        report.push(Finding::warn("target.cve", message).hint(
            "upstream fixed them in 1.30.7; a distribution may have done so without a new version number: see its changelog",
        ));
    }
    report
}

/// A published fault that touches what is rendered here.
struct Fault {
    name: &'static str,
    since: Version,
    fixed: &'static [Version],
}

/// The first version with `http2 on`, which is also after the first with `listen … quic` (1.25.0).
const OLDEST: Version = Version::new(1, 25, 1);
/// OpenSSL 3.5 added ML-KEM.
const HYBRID_OPENSSL: Version = Version::new(3, 5, 0);

/// The first versions by branch, from NGINX's changes.
const FLOORS: [(Feature, &[Version]); 3] = [
    (Feature::Http2Directive, &[OLDEST]),
    (Feature::HeaderInheritance, &[Version::new(1, 29, 3)]),
    (
        Feature::SafeTickets,
        &[Version::new(1, 30, 6), Version::new(1, 31, 7)],
    ),
];

/// From NGINX's security advisories, newest first; those of modules and directives that are never rendered are left
/// out.
const KNOWN_FAULTS: [Fault; 6] = [
    Fault {
        // QUIC: a connection freed while in use
        name: "CVE-2026-121810",
        since: Version::new(1, 25, 0),
        fixed: &[Version::new(1, 30, 7), Version::new(1, 31, 8)],
    },
    Fault {
        // HTTP/3: a body past client_max_body_size
        name: "CVE-2026-95101",
        since: Version::new(1, 25, 0),
        fixed: &[Version::new(1, 30, 6), Version::new(1, 31, 7)],
    },
    Fault {
        // TLS: forgeable session tickets; they are off here
        name: "CVE-2026-97629",
        since: Version::new(1, 23, 2),
        fixed: &[Version::new(1, 30, 6), Version::new(1, 31, 7)],
    },
    Fault {
        // map: a regular expression after a capture
        name: "CVE-2026-42533",
        since: Version::new(1, 0, 0),
        fixed: &[Version::new(1, 30, 4), Version::new(1, 31, 3)],
    },
    Fault {
        // QUIC: a spoofed address on migration
        name: "CVE-2026-40460",
        since: Version::new(1, 25, 0),
        fixed: &[Version::new(1, 30, 1), Version::new(1, 31, 0)],
    },
    Fault {
        // HTTP/3
        name: "CVE-2024-31079, -32760, -34161, -35200",
        since: Version::new(1, 25, 0),
        fixed: &[Version::new(1, 26, 1), Version::new(1, 27, 0)],
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    fn target(text: &str) -> Target {
        Target::named(text).expect(text)
    }

    #[test]
    fn a_target_that_cannot_do_http3_is_an_error() {
        for text in ["1.22.1", "1.25.0", "1.30.6,http_v3=no"] {
            assert!(find_faults(&target(text)).has_errors(), "{text}");
        }
    }

    #[test]
    fn a_target_below_the_fixes_is_a_warning_and_one_above_them_is_not() {
        let report = find_faults(&target("1.26.3"));
        assert!(!report.has_errors() && !report.is_empty());
        assert!(report.to_string().contains("CVE-2026-97629"));
        assert!(find_faults(&target("1.30.7")).is_empty());
    }

    #[test]
    fn features_follow_the_version_and_the_openssl() {
        assert!(!target("1.28.3").has(Feature::HeaderInheritance));
        assert!(target("1.30.6").has(Feature::HeaderInheritance));
        assert!(!target("1.30.6").has(Feature::HybridKeyExchange));
        assert!(target("1.30.6,openssl=3.5.0").has(Feature::HybridKeyExchange));
    }
}

//! The one table of what needs which NGINX, and of what is known against a version.

use findings::{Finding, Report};

use super::{Package, Stream, Target, Version};

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
    /// `proxy_protocol v2;` in a stream: the binary header, where `on` writes the text of version 1.
    BinaryProxyHeader,
}

impl Feature {
    /// All features.
    pub(crate) const ALL: [Self; 5] = [
        Self::Http2Directive,
        Self::HeaderInheritance,
        Self::SafeTickets,
        Self::HybridKeyExchange,
        Self::BinaryProxyHeader,
    ];
}

impl Target {
    /// Whether this target has a feature.
    pub fn has(&self, feature: Feature) -> bool {
        match feature {
            Feature::Http2Directive => self.knows("http2"),
            Feature::HeaderInheritance => self.knows("add_header_inherit"),
            Feature::SafeTickets => !self.has_fault(TICKETS) && self.version >= ROTATES,
            Feature::HybridKeyExchange => self
                .openssl_running
                .is_some_and(|version| version >= HYBRID_OPENSSL),
            Feature::BinaryProxyHeader => self.version >= BINARY_PROXY,
        }
    }

    /// The features that this target has beyond its version, by the hand of a distribution.
    pub(crate) fn added(&self) -> impl Iterator<Item = Feature> {
        let upstream = Self {
            backports: Vec::new(),
            package: None,
            ..self.clone()
        };
        let all = Feature::ALL.into_iter();
        all.filter(move |feature| self.has(*feature) && !upstream.has(*feature))
    }

    fn has_fault(&self, name: &str) -> bool {
        let fault = KNOWN_FAULTS.iter().find(|fault| fault.name == name);
        fault.is_some_and(|fault| fault.is_open(self))
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
    } else if let Some(finding) = open_faults(target) {
        report.push(finding);
    }
    report
}

/// What makes a target unfit to pass connections on, as errors, and what is known against it in that, as warnings.
pub fn find_stream_faults(target: &Target) -> Report {
    let mut report = Report::new();
    if target.version < OLDEST_STREAM {
        let message = format!(
            "NGINX {} is older than {OLDEST_STREAM}, the first that is rendered for",
            target.version
        );
        report.push(
            Finding::error("target.version", message)
                .hint("Debian 12 has 1.22.1; name another with `--nginx`"),
        );
    } else if target.stream == Stream::Absent {
        let message = format!(
            "NGINX {} was built without the stream module",
            target.version
        );
        report.push(Finding::error("target.stream", message).hint(
            "it needs `--with-stream` in `nginx -V`; Debian's own package has it, with `libnginx-mod-stream`",
        ));
    } else {
        let faults = KNOWN_FAULTS.iter().filter(|fault| fault.needs == Part::Map);
        if let Some(finding) = told(target, faults) {
            report.push(finding);
        }
    }
    report
}

/// The published faults that a target has, as one warning. A fix that a distribution made under an old version number
/// counts where the target's package is known.
pub fn open_faults(target: &Target) -> Option<Finding> {
    told(target, KNOWN_FAULTS.iter())
}

fn told<'f>(target: &Target, faults: impl Iterator<Item = &'f Fault>) -> Option<Finding> {
    let open: Vec<&str> = faults
        .filter(|fault| fault.is_open(target))
        .map(|fault| fault.name)
        .collect();
    if open.is_empty() {
        return None;
    }
    let names = open.join(", ");
    let (message, hint) = match &target.package {
        Some(package) => (
            format!(
                "NGINX {} of the package `{}` {} has known faults: {names}",
                target.version, package.name, package.version
            ),
            match package.mended_by(&open) {
                Some(version) => format!(
                    "Debian mended them in {version}: `apt-get update && apt-get install --only-upgrade {}`",
                    package.name
                ),
                None => format!(
                    "neither its changelog nor what is known of its version says that they are mended: `apt-get update && apt-get install --only-upgrade {}`",
                    package.name
                ),
            },
        ),
        None => (
            format!("NGINX {} has known faults: {names}", target.version),
            "upstream mended them by 1.30.7; name the executable (`--nginx PATH`) to have the fixes of its distribution counted".to_owned(),
        ),
    };
    Some(Finding::warn("target.cve", message).hint(hint))
}

/// A published fault that touches what is rendered here, or what stands in most configurations in front of MCP servers.
struct Fault {
    name: &'static str,
    since: Version,
    fixed: &'static [Version],
    /// What of NGINX has it.
    needs: Part,
    /// Whether only an NGINX with QUIC through the compatibility layer for OpenSSL before 3.5.1 has it.
    needs_old_openssl: bool,
}

impl Fault {
    const fn new(name: &'static str, since: Version, fixed: &'static [Version]) -> Self {
        Self {
            name,
            since,
            fixed,
            needs: Part::Requests,
            needs_old_openssl: false,
        }
    }

    const fn of(mut self, part: Part) -> Self {
        self.needs = part;
        self
    }

    fn is_open(&self, target: &Target) -> bool {
        let is_mended = |package: &Package| package.has_mended(self.name);
        let has_old_openssl = || target.openssl_built.is_some_and(|own| own < NATIVE_OPENSSL);
        target.version >= self.since
            && !target.version.has_reached(self.fixed)
            && !target.package.as_ref().is_some_and(is_mended)
            && (!self.needs_old_openssl || has_old_openssl())
    }
}

/// What a fault is in: an edge that passes connections on has less of NGINX than one that ends TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// TLS, HTTP/2, QUIC, rewriting.
    Requests,
    /// `map`, which every edge has.
    Map,
}

/// Debian 12's, the oldest that the rendering was tried on; what it uses is older.
const OLDEST_STREAM: Version = Version::new(1, 22, 1);
/// NGINX 1.31.4: until then `proxy_protocol` is `on` or `off`.
const BINARY_PROXY: Version = Version::new(1, 31, 4);
/// The first version with `http2 on`, which is also after the first with `listen … quic` (1.25.0).
const OLDEST: Version = Version::new(1, 25, 1);
/// OpenSSL 3.5 added ML-KEM.
const HYBRID_OPENSSL: Version = Version::new(3, 5, 0);
/// From here on NGINX uses OpenSSL's own QUIC interface (NGINX 1.29.1).
const NATIVE_OPENSSL: Version = Version::new(3, 5, 1);
/// The first version that rotates the ticket keys of a shared cache.
pub(crate) const ROTATES: Version = Version::new(1, 23, 2);
const TICKETS: &str = "CVE-2026-97629";
/// The first with `listen … quic`.
const QUIC: Version = Version::new(1, 25, 0);
/// Since when is not published; older than anything that is rendered for.
const EVER: Version = Version::new(1, 0, 0);

/// From NGINX's security advisories, newest first; those of modules and directives that are never rendered are left
/// out.
const KNOWN_FAULTS: [Fault; 14] = [
    // QUIC: a connection freed while in use
    Fault::new(
        "CVE-2026-121810",
        QUIC,
        &[Version::new(1, 30, 7), Version::new(1, 31, 8)],
    ),
    // HTTP/2: a connection with streams taken for an idle one; flow control
    Fault::new(
        "CVE-2026-123633",
        EVER,
        &[Version::new(1, 30, 7), Version::new(1, 31, 8)],
    ),
    Fault::new(
        "CVE-2026-123007",
        EVER,
        &[Version::new(1, 30, 7), Version::new(1, 31, 8)],
    ),
    // HTTP/3: a body past client_max_body_size
    Fault::new(
        "CVE-2026-95101",
        QUIC,
        &[Version::new(1, 30, 6), Version::new(1, 31, 7)],
    ),
    // TLS: session tickets that anybody can make; they are off in what is rendered for a target with it
    Fault::new(
        TICKETS,
        ROTATES,
        &[Version::new(1, 30, 6), Version::new(1, 31, 7)],
    ),
    // QUIC over the compatibility layer: a heap overflow
    Fault {
        name: "CVE-2026-90439",
        since: Version::new(1, 29, 2),
        fixed: &[Version::new(1, 30, 5), Version::new(1, 31, 6)],
        needs: Part::Requests,
        needs_old_openssl: true,
    },
    // map: a regular expression after a capture
    Fault::new(
        "CVE-2026-42533",
        EVER,
        &[Version::new(1, 30, 4), Version::new(1, 31, 3)],
    )
    .of(Part::Map),
    // rewrite: captures without names
    Fault::new("CVE-2026-9256", EVER, &[Version::new(1, 30, 2)]),
    Fault::new(
        "CVE-2026-42945",
        EVER,
        &[Version::new(1, 30, 1), Version::new(1, 31, 0)],
    ),
    // QUIC: a spoofed address on migration
    Fault::new(
        "CVE-2026-40460",
        QUIC,
        &[Version::new(1, 30, 1), Version::new(1, 31, 0)],
    ),
    // HTTP/3
    Fault::new("CVE-2024-31079", QUIC, FIRST_QUIC),
    Fault::new("CVE-2024-32760", QUIC, FIRST_QUIC),
    Fault::new("CVE-2024-34161", QUIC, FIRST_QUIC),
    Fault::new("CVE-2024-35200", QUIC, FIRST_QUIC),
];

const FIRST_QUIC: &[Version] = &[Version::new(1, 26, 1), Version::new(1, 27, 0)];

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
    fn to_pass_connections_on_takes_the_stream_module_and_no_http3() {
        for text in ["1.22.1,http_v3=no", "1.30.6,stream=dynamic"] {
            assert!(!find_stream_faults(&target(text)).has_errors(), "{text}");
        }
        for text in ["1.18.0", "1.30.6,stream=absent"] {
            assert!(find_stream_faults(&target(text)).has_errors(), "{text}");
        }
        let told = find_stream_faults(&target("1.26.3")).to_string();
        assert!(told.contains("CVE-2026-42533"), "{told}");
        assert!(!told.contains("CVE-2026-121810"), "{told}");
        assert!(find_stream_faults(&target("1.30.6")).is_empty());
    }

    #[test]
    fn a_target_below_the_fixes_is_a_warning_and_one_above_them_is_not() {
        let report = find_faults(&target("1.26.3"));
        assert!(!report.has_errors() && !report.is_empty());
        assert!(report.to_string().contains("CVE-2026-97629"));
        assert!(find_faults(&target("1.30.7")).is_empty());
    }

    #[test]
    fn what_a_distribution_mended_is_not_told() {
        let mut own = target("1.26.3");
        own.package = Some(Package::new("nginx", "1.26.3-3+deb13u10", ""));
        let told = find_faults(&own).to_string();
        assert!(told.contains("CVE-2026-121810"), "{told}");
        assert!(told.contains("1.26.3-3+deb13u11"), "{told}");
        assert!(!told.contains("CVE-2026-97629"), "{told}");
        assert!(own.has(Feature::SafeTickets));
        assert_eq!(own.added().collect::<Vec<_>>(), [Feature::SafeTickets]);
        own.package = Some(Package::new("nginx", "1.26.3-3+deb13u11", ""));
        assert!(find_faults(&own).is_empty());
    }

    #[test]
    fn a_fault_of_the_compatibility_layer_needs_an_old_openssl() {
        let has = |text: &str| {
            find_faults(&target(text))
                .to_string()
                .contains("CVE-2026-90439")
        };
        assert!(has("1.30.4,openssl=3.5.0"));
        assert!(!has("1.30.4,openssl=3.5.1") && !has("1.30.4") && !has("1.28.3,openssl=3.0.9"));
    }

    #[test]
    fn features_follow_the_version_and_the_openssl() {
        assert!(!target("1.28.3").has(Feature::HeaderInheritance));
        assert!(target("1.30.6").has(Feature::HeaderInheritance));
        assert!(!target("1.30.6").has(Feature::HybridKeyExchange));
        assert!(target("1.30.6,openssl=3.5.0").has(Feature::HybridKeyExchange));
    }
}

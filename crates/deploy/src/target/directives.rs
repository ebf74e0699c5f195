//! The one table of which directive needs which NGINX, and how to ask a real one whether it knows a directive all the same.

use super::{Target, Version};

/// A directive that not every NGINX knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Directive {
    /// Its name.
    pub name: &'static str,
    /// The first version of NGINX's own that has it.
    pub floor: Version,
    /// Where a trial of it stands, and the line; none where it needs a file or more than a line.
    trial: Option<(Place, &'static str)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Main,
    Http,
    Upstream,
}

impl Directive {
    const fn untried(name: &'static str, floor: [u16; 3]) -> Self {
        Self {
            name,
            floor: Version::new(floor[0], floor[1], floor[2]),
            trial: None,
        }
    }

    const fn tried(name: &'static str, floor: [u16; 3], place: Place, line: &'static str) -> Self {
        Self {
            trial: Some((place, line)),
            ..Self::untried(name, floor)
        }
    }

    /// A configuration that `nginx -t` takes when, and only when, this NGINX knows the directive; none for a directive that
    /// cannot be tried so. It is to be asked with a folder of its own as prefix, into which NGINX puts what it creates.
    pub fn trial(&self) -> Option<String> {
        let (place, line) = self.trial?;
        Some(match place {
            Place::Main => conf(line, ""),
            Place::Http => conf("", line),
            Place::Upstream => conf(
                "",
                &format!("upstream trial {{ server 127.0.0.1:9; {line} }}"),
            ),
        })
    }
}

/// A configuration that every NGINX takes: one that does not says nothing by its trials.
pub fn plain_trial() -> String {
    conf("", "")
}

/// A configuration that no NGINX takes: a program that does is none.
pub fn false_trial() -> String {
    conf("", "no_nginx_has_this_directive on;")
}

/// Nothing in it leads outside the prefix.
fn conf(main: &str, http: &str) -> String {
    format!(
        "error_log stderr;\npid nginx.pid;\n{main}\nevents {{\n}}\nhttp {{\naccess_log off;\nclient_body_temp_path body;\n\
         proxy_temp_path proxy;\nfastcgi_temp_path fastcgi;\nuwsgi_temp_path uwsgi;\nscgi_temp_path scgi;\n{http}\n}}\n"
    )
}

impl Target {
    /// Whether this NGINX knows a directive: by its version, or because it was seen to take it. One that is not in
    /// [`DIRECTIVES`] every NGINX knows.
    pub fn knows(&self, name: &str) -> bool {
        let row = DIRECTIVES.iter().find(|row| row.name == name);
        row.is_none_or(|row| {
            self.version >= row.floor || self.backports.iter().any(|known| known == name)
        })
    }

    /// The directives that this version does not have by itself: those that a distribution may have added.
    pub fn missing(&self) -> impl Iterator<Item = &'static Directive> {
        let version = self.version;
        DIRECTIVES.iter().filter(move |row| row.floor > version)
    }
}

/// From the tags of NGINX's source, tried with `nginx -t` on 1.26.3, 1.30.6 and 1.31.4; the tests try it on every NGINX that they have.
pub static DIRECTIVES: [Directive; 26] = [
    Directive::tried("http3", [1, 25, 0], Place::Http, "http3 on;"),
    Directive::tried("http3_hq", [1, 25, 0], Place::Http, "http3_hq off;"),
    Directive::tried(
        "http3_max_concurrent_streams",
        [1, 25, 0],
        Place::Http,
        "http3_max_concurrent_streams 128;",
    ),
    Directive::tried(
        "http3_stream_buffer_size",
        [1, 25, 0],
        Place::Http,
        "http3_stream_buffer_size 64k;",
    ),
    Directive::tried("quic_retry", [1, 25, 0], Place::Http, "quic_retry off;"),
    Directive::tried("quic_gso", [1, 25, 0], Place::Http, "quic_gso off;"),
    Directive::tried(
        "quic_active_connection_id_limit",
        [1, 25, 0],
        Place::Http,
        "quic_active_connection_id_limit 2;",
    ),
    Directive::untried("quic_host_key", [1, 25, 0]),
    Directive::tried("quic_bpf", [1, 25, 0], Place::Main, "quic_bpf off;"),
    Directive::tried("http2", [1, 25, 1], Place::Http, "http2 on;"),
    Directive::tried(
        "proxy_pass_trailers",
        [1, 27, 2],
        Place::Http,
        "proxy_pass_trailers off;",
    ),
    Directive::tried(
        "keepalive_min_timeout",
        [1, 27, 4],
        Place::Http,
        "keepalive_min_timeout 0;",
    ),
    Directive::tried(
        "ssl_certificate_cache",
        [1, 27, 4],
        Place::Http,
        "ssl_certificate_cache off;",
    ),
    Directive::tried(
        "proxy_ssl_certificate_cache",
        [1, 27, 4],
        Place::Http,
        "proxy_ssl_certificate_cache off;",
    ),
    Directive::tried(
        "ssl_object_cache_inheritable",
        [1, 27, 4],
        Place::Main,
        "ssl_object_cache_inheritable on;",
    ),
    Directive::tried("early_hints", [1, 29, 0], Place::Http, "early_hints 0;"),
    Directive::tried(
        "ssl_certificate_compression",
        [1, 29, 1],
        Place::Http,
        "ssl_certificate_compression off;",
    ),
    Directive::tried(
        "add_header_inherit",
        [1, 29, 3],
        Place::Http,
        "add_header_inherit on;",
    ),
    Directive::tried(
        "add_trailer_inherit",
        [1, 29, 3],
        Place::Http,
        "add_trailer_inherit on;",
    ),
    Directive::untried("ssl_ech_file", [1, 29, 4]),
    Directive::tried(
        "sticky",
        [1, 29, 6],
        Place::Upstream,
        "sticky cookie trial;",
    ),
    Directive::tried("max_headers", [1, 29, 8], Place::Http, "max_headers 1000;"),
    Directive::tried(
        "least_time",
        [1, 31, 0],
        Place::Upstream,
        "least_time header;",
    ),
    Directive::tried(
        "proxy_socket_sndbuf",
        [1, 31, 3],
        Place::Http,
        "proxy_socket_sndbuf 64k;",
    ),
    Directive::tried(
        "proxy_socket_rcvbuf",
        [1, 31, 3],
        Place::Http,
        "proxy_socket_rcvbuf 64k;",
    ),
    Directive::tried(
        "client_body_early_read",
        [1, 31, 5],
        Place::Http,
        "client_body_early_read on;",
    ),
];

/// How a directive ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// NGINX does not know it, and does not start.
    Unknown,
    /// NGINX ignores it and warns.
    Ignored {
        /// The directive that does it now; empty where none does.
        instead: &'static str,
    },
}

/// How a directive has ended for a target, or for any from 1.25.1 on; none for one that has not.
pub(crate) fn ended(target: Option<&Target>, name: &str) -> Option<End> {
    let (_, since, end) = ENDED.iter().find(|(own, _, _)| *own == name)?;
    target
        .is_none_or(|target| target.version >= *since)
        .then_some(*end)
}

/// Tried with `nginx -t` on 1.22.1 and 1.28.3; the versions are those of NGINX's changes.
const ENDED: [(&str, Version, End); 14] = [
    ("ssl", LAST_CUT, End::Unknown),
    ("http2_push", LAST_CUT, End::Ignored { instead: "" }),
    ("http2_push_preload", LAST_CUT, End::Ignored { instead: "" }),
    (
        "http2_max_concurrent_pushes",
        LAST_CUT,
        End::Ignored { instead: "" },
    ),
    ("http2_max_field_size", HTTP2_CUT, HEADERS),
    ("http2_max_header_size", HTTP2_CUT, HEADERS),
    (
        "http2_max_requests",
        HTTP2_CUT,
        End::Ignored {
            instead: "keepalive_requests",
        },
    ),
    (
        "http2_idle_timeout",
        HTTP2_CUT,
        End::Ignored {
            instead: "keepalive_timeout",
        },
    ),
    (
        "http2_recv_timeout",
        HTTP2_CUT,
        End::Ignored {
            instead: "client_header_timeout",
        },
    ),
    ("limit_zone", Version::new(1, 7, 6), End::Unknown),
    // no release had these: they are of drafts of HTTP/3, and of pages that repeat them
    ("http3_push", NEVER, End::Unknown),
    ("http3_max_concurrent_pushes", NEVER, End::Unknown),
    ("quic_mtu", NEVER, End::Unknown),
    ("proxy_protocol_version", NEVER, End::Unknown),
];

const HEADERS: End = End::Ignored {
    instead: "large_client_header_buffers",
};
const LAST_CUT: Version = Version::new(1, 25, 1);
const HTTP2_CUT: Version = Version::new(1, 19, 7);
const NEVER: Version = Version::new(0, 0, 0);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directive_is_known_by_version_or_by_trial() {
        let mut target = Target::named("1.26.3").expect("a version");
        assert!(target.knows("http2") && target.knows("proxy_pass"));
        assert!(!target.knows("max_headers"));
        assert!(target.missing().any(|row| row.name == "max_headers"));
        target.backports.push("max_headers".to_owned());
        assert!(target.knows("max_headers") && !target.knows("sticky"));
    }

    #[test]
    fn a_directive_has_ended_from_its_version_on() {
        let old = Target::named("1.22.1").expect("a version");
        assert_eq!(ended(None, "ssl"), Some(End::Unknown));
        assert_eq!(ended(Some(&old), "ssl"), None);
        assert_eq!(ended(Some(&old), "http2_max_field_size"), Some(HEADERS));
        assert_eq!(ended(Some(&old), "quic_mtu"), Some(End::Unknown));
        assert_eq!(ended(None, "proxy_pass"), None);
    }

    #[test]
    fn a_trial_holds_its_directive_and_reads_as_a_configuration() {
        for row in &DIRECTIVES {
            let Some(trial) = row.trial() else { continue };
            let document = crate::nginx_conf::parse(trial.as_str());
            assert_eq!(document.faults(), [], "{trial}");
            assert!(trial.contains(&format!("{} ", row.name)), "{trial}");
        }
    }
}

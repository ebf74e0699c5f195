//! What a running origin makes of a new configuration: what it takes up, and what has to wait for its next start.

use crate::model::OriginConfig;
use crate::quic::Quic;
use crate::tls::Tls;

/// The way from the configuration that runs to a new one.
#[derive(Debug, Clone, PartialEq)]
pub struct Reload {
    /// What is to run from now on: the new configuration, with the old value of every key in `waiting`.
    pub config: OriginConfig,
    /// The keys that change now, by their names in the file.
    pub changed: Vec<&'static str>,
    /// The keys whose new value needs another start.
    pub waiting: Vec<&'static str>,
}

/// Compares two configurations, key by key. While something waits the `generation` stays the old one too: what runs is not what
/// that name stands for.
pub fn reload(now: &OriginConfig, new: OriginConfig) -> Reload {
    let mut sort = Sort::default();
    // Every field is named, so that a new one has to be put somewhere.
    let mut config = OriginConfig {
        // It was told to the servers.
        name: sort.keep("name", &now.name, new.name),
        generation: sort.take("generation", &now.generation, new.generation),
        bind: sort.keep("bind", &now.bind, new.bind),
        admin_bind: sort.keep("admin_bind", &now.admin_bind, new.admin_bind),
        tls: sort.tls(&now.tls, new.tls),
        quic: sort.quic(&now.quic, new.quic),
        umask: sort.keep("umask", &now.umask, new.umask),
        backlog: sort.keep("backlog", &now.backlog, new.backlog),
        trusted_peers: sort.take("trusted_peers", &now.trusted_peers, new.trusted_peers),
        trusted_hops: sort.take("trusted_hops", &now.trusted_hops, new.trusted_hops),
        proxy_protocol: sort.take("proxy_protocol", &now.proxy_protocol, new.proxy_protocol),
        allowed_hosts: sort.take("allowed_hosts", &now.allowed_hosts, new.allowed_hosts),
        allowed_origins: sort.take("allowed_origins", &now.allowed_origins, new.allowed_origins),
        expose: sort.take("expose", &now.expose, new.expose),
        api_keys_file: sort.take("api_keys_file", &now.api_keys_file, new.api_keys_file),
        state_key_file: sort.take("state_key_file", &now.state_key_file, new.state_key_file),
        // Sessions have told their clients the names.
        tool_names: sort.keep("tool_names", &now.tool_names, new.tool_names),
        include_server_header: sort.take(
            "include_server_header",
            &now.include_server_header,
            new.include_server_header,
        ),
        accesslog: sort.take("accesslog", &now.accesslog, new.accesslog),
        loglevel: sort.take("loglevel", &now.loglevel, new.loglevel),
        graceful_timeout: sort.take(
            "graceful_timeout",
            &now.graceful_timeout,
            new.graceful_timeout,
        ),
        keep_alive_timeout: sort.take(
            "keep_alive_timeout",
            &now.keep_alive_timeout,
            new.keep_alive_timeout,
        ),
        read_timeout: sort.take("read_timeout", &now.read_timeout, new.read_timeout),
        h11_max_incomplete_size: sort.take(
            "h11_max_incomplete_size",
            &now.h11_max_incomplete_size,
            new.h11_max_incomplete_size,
        ),
        h2_max_concurrent_streams: sort.take(
            "h2_max_concurrent_streams",
            &now.h2_max_concurrent_streams,
            new.h2_max_concurrent_streams,
        ),
        h2_max_header_list_size: sort.take(
            "h2_max_header_list_size",
            &now.h2_max_header_list_size,
            new.h2_max_header_list_size,
        ),
        max_body_size: sort.take("max_body_size", &now.max_body_size, new.max_body_size),
        // The wheel of the open streams turns at this pace.
        stream_keep_alive: sort.keep(
            "stream_keep_alive",
            &now.stream_keep_alive,
            new.stream_keep_alive,
        ),
        timeouts: sort.take("timeouts", &now.timeouts, new.timeouts),
        sessions: sort.keep("sessions", &now.sessions, new.sessions),
        limits: sort.take("limits", &now.limits, new.limits),
        h3check: sort.take("h3check", &now.h3check, new.h3check),
        // What was not counted from the start would be wrong for ever.
        metrics: sort.keep("metrics", &now.metrics, new.metrics),
        health_check_interval: sort.take(
            "health_check_interval",
            &now.health_check_interval,
            new.health_check_interval,
        ),
        servers: sort.take("servers", &now.servers, new.servers),
        dependencies: sort.take("dependencies", &now.dependencies, new.dependencies),
    };
    let Sort {
        mut changed,
        waiting,
    } = sort;
    if !waiting.is_empty() {
        config.generation.clone_from(&now.generation);
        changed.retain(|key| *key != "generation");
    }
    Reload {
        config,
        changed,
        waiting,
    }
}

#[derive(Default)]
struct Sort {
    changed: Vec<&'static str>,
    waiting: Vec<&'static str>,
}

impl Sort {
    /// A key whose new value counts from now on.
    fn take<T: PartialEq>(&mut self, key: &'static str, now: &T, new: T) -> T {
        if *now != new {
            self.changed.push(key);
        }
        new
    }

    /// A key whose old value counts until the next start.
    fn keep<T: PartialEq + Clone>(&mut self, key: &'static str, now: &T, new: T) -> T {
        if *now == new {
            return new;
        }
        self.waiting.push(key);
        now.clone()
    }

    fn tls(&mut self, now: &Tls, new: Tls) -> Tls {
        let certificates = (now.certificates.is_empty(), new.certificates.is_empty());
        Tls {
            certificates: match certificates {
                // With the first certificate, and without the last, a listener speaks another language.
                (true, false) | (false, true) => {
                    self.keep("certfile", &now.certificates, new.certificates)
                }
                _ => self.take("certfile", &now.certificates, new.certificates),
            },
            insecure_bind: self.keep("insecure_bind", &now.insecure_bind, new.insecure_bind),
            alpn_protocols: self.take("alpn_protocols", &now.alpn_protocols, new.alpn_protocols),
            handshake_timeout: self.take(
                "ssl_handshake_timeout",
                &now.handshake_timeout,
                new.handshake_timeout,
            ),
        }
    }

    fn quic(&mut self, now: &Quic, new: Quic) -> Quic {
        let Quic {
            bind,
            alt_svc,
            max_connections,
            retry_above,
            max_concurrent_streams,
            max_field_section_size,
            idle_timeout,
            stream_receive_window,
            receive_window,
            send_window,
            key_file,
        } = new;
        let same = Quic {
            bind: self.keep("quic_bind", &now.bind, bind),
            alt_svc: self.take("alt_svc_headers", &now.alt_svc, alt_svc),
            // What connection ids are told by is set with the socket.
            key_file: self.keep("quic.key_file", &now.key_file, key_file),
            ..now.clone()
        };
        let new = Quic {
            max_connections,
            retry_above,
            max_concurrent_streams,
            max_field_section_size,
            idle_timeout,
            stream_receive_window,
            receive_window,
            send_window,
            ..same.clone()
        };
        self.take("quic", &same, new)
    }
}

#[cfg(test)]
mod tests {
    use findings::{Document, Report};

    use super::*;

    fn config(text: &str) -> OriginConfig {
        let mut syntax = Report::new();
        let document = Document::parse(text, "origin.toml", &mut syntax);
        let (config, report) = crate::load(document);
        config.unwrap_or_else(|| panic!("{syntax}{report}"))
    }

    fn between(now: &str, new: &str) -> Reload {
        reload(&config(now), config(new))
    }

    #[test]
    fn what_is_the_same_is_no_change() {
        let text = "generation = \"a\"\nquic = { max_connections = 7 }\n";
        let reload = between(text, text);
        assert_eq!((&*reload.changed, &*reload.waiting), (&[][..], &[][..]));
        assert_eq!(reload.config, config(text));
    }

    #[test]
    fn what_a_running_origin_can_change_is_taken_up() {
        let new = "generation = \"b\"\nloglevel = \"DEBUG\"\n[quic]\nretry_above = 0\n\
                   [[servers]]\nname = \"s\"\ncommand = [\"x\"]\n";
        let reload = between("", new);
        assert_eq!(reload.waiting, [""; 0]);
        assert_eq!(
            reload.changed,
            ["generation", "quic", "loglevel", "servers"]
        );
        assert_eq!(reload.config, config(new));
    }

    #[test]
    fn what_needs_a_start_keeps_its_old_value_and_the_old_generation() {
        let reload = between(
            "generation = \"a\"\n",
            "generation = \"b\"\nbind = \"127.0.0.1:1\"\nmax_body_size = \"1MiB\"\n",
        );
        assert_eq!(reload.waiting, ["bind"]);
        assert_eq!(reload.changed, ["max_body_size"]);
        assert_eq!(reload.config.generation, "a");
        assert_eq!(reload.config.bind, config("").bind);
        assert_eq!(reload.config.max_body_size, 1 << 20);
    }

    #[test]
    fn the_first_certificate_needs_a_start_and_another_one_does_not() {
        let with = |name: &str| format!("certfile = \"/{name}\"\nkeyfile = \"/{name}.key\"\n");
        assert_eq!(between("", &with("a")).waiting, ["certfile"]);
        let other = between(&with("a"), &with("b"));
        assert_eq!(
            (&*other.changed, &*other.waiting),
            (&["certfile"][..], &[][..])
        );
    }
}

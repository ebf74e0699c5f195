//! The blocks around a file that stands for itself: a piece under `conf.d` is read inside `http`, and says so by what it holds.

use super::config::Statement;

const MAIN: [&str; 16] = [
    "events",
    "http",
    "stream",
    "mail",
    "worker_processes",
    "user",
    "pid",
    "load_module",
    "daemon",
    "env",
    "worker_shutdown_timeout",
    "worker_rlimit_nofile",
    "worker_cpu_affinity",
    "quic_bpf",
    "pcre_jit",
    "thread_pool",
];
const HTTP_OR_STREAM: [&str; 11] = [
    "server",
    "upstream",
    "map",
    "geo",
    "log_format",
    "limit_conn_zone",
    "limit_req_zone",
    "proxy_cache_path",
    "split_clients",
    "server_names_hash_bucket_size",
    "match",
];
const SERVER: [&str; 3] = ["location", "listen", "server_name"];

/// Puts the blocks around the top level that it must stand in.
pub(super) fn wrap(root: Vec<Statement>) -> Vec<Statement> {
    let has = |names: &[&str]| {
        root.iter()
            .any(|statement| names.contains(&statement.name()))
    };
    if root.is_empty() || has(&MAIN) {
        return root;
    }
    if has(&HTTP_OR_STREAM) {
        let outer = if is_stream(&root) { "stream" } else { "http" };
        return vec![Statement::implied(outer, root)];
    }
    let server = if has(&SERVER) {
        root
    } else {
        vec![Statement::implied("location", root)]
    };
    let server = Statement::implied("server", server);
    vec![Statement::implied("http", vec![server])]
}

/// In `stream` a server passes connections on itself; in `http` its locations do.
fn is_stream(root: &[Statement]) -> bool {
    let servers: Vec<_> = root
        .iter()
        .filter(|statement| statement.name() == "server")
        .collect();
    !servers.is_empty()
        && servers.iter().all(|server| {
            let has = |name| server.children().iter().any(|child| child.name() == name);
            (has("proxy_pass") || has("pass")) && !has("location")
        })
}

//! What the servers of others are told, each in its own words.

use std::path::Path;

use serde_json::{Value, json};

use super::contenders::Ports;

/// Files that every server reads.
pub(crate) struct Files<'a> {
    pub(crate) certificate: &'a Path,
    pub(crate) key: &'a Path,
    pub(crate) text: &'a str,
}

/// NGINX, which answers the text by itself, and passes on what is silent.
pub(crate) fn nginx(ports: Ports, files: &Files<'_>, folder: &Path) -> String {
    let Ports { plain, tls, behind } = ports;
    let folder = folder.display();
    format!(
        "worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 65536; }}
http {{
  access_log off; keepalive_requests 1000000000; default_type application/json; server_tokens off;
  client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
  uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
  ssl_certificate {certificate}; ssl_certificate_key {key};
  server {{
    listen 127.0.0.1:{plain}; listen 127.0.0.1:{tls} ssl; listen 127.0.0.1:{tls} quic reuseport; http2 on;
    location / {{ return 200 '{text}'; }}
    location = /silence {{
      proxy_pass http://127.0.0.1:{behind}; proxy_http_version 1.1; proxy_set_header Connection \"\";
      proxy_buffering off; proxy_read_timeout 1h;
    }}
  }}
}}
",
        certificate = files.certificate.display(),
        key = files.key.display(),
        text = files.text,
    )
}

/// Caddy's `static_response`, and its `reverse_proxy` for what is silent.
pub(crate) fn caddy(ports: Ports, files: &Files<'_>) -> Value {
    let handler = json!({
        "handler": "static_response", "body": files.text,
        "headers": {"Content-Type": ["application/json"]},
    });
    let address = |port: u16| format!("127.0.0.1:{port}");
    let proxy = json!({
        "handler": "reverse_proxy", "flush_interval": -1,
        "upstreams": [{"dial": address(ports.behind)}],
    });
    let routes = json!([
        {"match": [{"path": ["/silence"]}], "handle": [proxy], "terminal": true},
        {"handle": [handler]},
    ]);
    let certificate = json!({"certificate": files.certificate, "key": files.key});
    json!({
        "admin": {"disabled": true, "config": {"persist": false}},
        "logging": {"logs": {"default": {"level": "ERROR"}}},
        "apps": {
            "tls": {"certificates": {"load_files": [certificate]}},
            "http": {"servers": {
                "plain": {"listen": [address(ports.plain)], "routes": routes,
                    "automatic_https": {"disable": true}},
                "tls": {"listen": [address(ports.tls)], "routes": routes,
                    "protocols": ["h1", "h2", "h3"], "tls_connection_policies": [{}],
                    "automatic_https": {"disable": true}},
            }},
        },
    })
}

/// The origin with a server that has one tool, and every default but where it says something about each request.
pub(crate) fn origin(ports: Ports, files: &Files<'_>, server: &Path) -> String {
    let Ports { plain, tls, .. } = ports;
    format!(
        "name = \"bench\"\ninsecure_bind = [\"127.0.0.1:{plain}\"]\nbind = [\"127.0.0.1:{tls}\"]\n\
         quic_bind = [\"127.0.0.1:{tls}\"]\ncertfile = {:?}\nkeyfile = {:?}\naccesslog = \"\"\n\
         loglevel = \"WARNING\"\ngraceful_timeout = \"1s\"\nstream_keep_alive = \"1h\"\n\
         [[servers]]\nname = \"s\"\ncommand = [\"python3\", {:?}]\n",
        files.certificate.display().to_string(),
        files.key.display().to_string(),
        server.display().to_string()
    )
}

//! Edges of several styles.

use super::*;
use crate::nginx_conf::Files;

struct One(&'static str);

impl Files for One {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        let is_it = path == "/etc/nginx/nginx.conf";
        is_it
            .then(|| self.0.into())
            .ok_or_else(|| "is not there".to_owned())
    }

    fn list(&self, _: &str) -> Vec<String> {
        Vec::new()
    }
}

fn try_import(text: &'static str, server_name: Option<&str>) -> Result<Imported, ImportError> {
    let config = Config::load("/etc/nginx/nginx.conf", &One(text)).expect("it is there");
    import(
        &config,
        &Wanted {
            name: "old".parse().expect("a name"),
            server_name: server_name.map(|name| name.parse().expect("a name")),
        },
    )
}

fn imported(text: &'static str) -> Imported {
    let imported = try_import(text, None).expect("it carries MCP");
    let (spec, report) = crate::parse(&imported.spec, "deploy.toml");
    assert!(spec.is_some(), "{report}\n{}", imported.spec);
    imported
}

fn snippet(imported: &Imported, folder: &str) -> String {
    let one = imported.snippets.iter().find(|one| one.folder == folder);
    one.map_or_else(String::new, |one| one.text.clone())
}

const PLAIN: &str = "events {}\nhttp {\n server {\n  listen 443 ssl;\n  listen 443 quic;\n  server_name mcp.example.com;\n\
  ssl_certificate /c.pem;\n  ssl_certificate_key /k.pem;\n  client_max_body_size 20m;\n\
  location /mcp {\n   proxy_pass http://127.0.0.1:8000;\n   proxy_buffering off;\n   proxy_read_timeout 5m;\n\
   auth_basic team;\n   auth_basic_user_file /etc/nginx/pw;\n  }\n\
  location / {\n   root /srv/www;\n  }\n }\n\
 server { listen 80; server_name mcp.example.com; return 301 https://$host$request_uri; }\n}\n";

#[test]
fn a_plain_edge_becomes_one_server_by_url_and_the_rest_stays() {
    let imported = imported(PLAIN);
    for line in [
        "server_names = [\"mcp.example.com\"]",
        "https_port = 443",
        "http_port = 80",
        "certificate = \"/c.pem\"",
        "max_body_size = \"20MiB\"",
        "tool_names = \"plain\"",
        "url = \"http://127.0.0.1:8000/mcp\"",
        "call_timeout = \"300s\"",
        "mcp = \"305s\"",
    ] {
        assert!(imported.spec.contains(line), "{line} in\n{}", imported.spec);
    }
    assert!(snippet(&imported, "mcp").contains("auth_basic_user_file /etc/nginx/pw;"));
    assert!(snippet(&imported, "server").contains("location ~ ^/ {\n   root /srv/www;\n  }"));
    assert!(
        !imported.changes.iter().any(|change| change.needs_a_look),
        "{:#?}",
        imported.changes
    );
}

const MANY: &str = "events {}\nhttp {\n map $http_x_team $team { default none; blue b; }\n map $a $unused { default 0; }\n\
 limit_req_zone $team zone=teams:1m rate=5r/s;\n\
 upstream git_backend { server 10.0.0.5:9001; server 10.0.0.6:9001 backup; keepalive 8; }\n\
 server {\n  listen 8443 ssl;\n  server_name tools.example.com;\n  ssl_certificate tls/c.pem;\n  ssl_certificate_key tls/k.pem;\n\
  location = /git/mcp { proxy_pass http://git_backend/mcp; limit_req zone=teams burst=5; proxy_set_header X-Key s3cret; }\n\
  location /time/mcp/ { proxy_pass https://time.internal:9443/; }\n\
  location = /status { return 200 ok; }\n }\n}\n";

#[test]
fn several_servers_by_path_keep_their_paths_and_what_their_words_need() {
    let imported = imported(MANY);
    for line in [
        "name = \"git\"\nurl = \"http://10.0.0.5:9001/mcp\"",
        "name = \"time\"\nurl = \"https://time.internal:9443/\"",
        "https_port = 8443",
        "http_port = 0",
        "certificate = \"/etc/nginx/tls/c.pem\"",
        "tool_names = \"prefixed\"",
    ] {
        assert!(imported.spec.contains(line), "{line} in\n{}", imported.spec);
    }
    let http = snippet(&imported, "http");
    assert!(
        http.contains("zone=teams") && http.contains("$team {") && !http.contains("$unused"),
        "{http}"
    );
    let server = snippet(&imported, "server");
    assert!(
        server.contains("location = /git/mcp {\n    rewrite ^ /servers/git/mcp last;"),
        "{server}"
    );
    assert!(server.contains("location = /status"), "{server}");
}

#[test]
fn what_is_lost_is_told_with_its_place_and_without_its_secret() {
    let imported = imported(MANY);
    let lost: Vec<_> = imported
        .changes
        .iter()
        .filter(|change| change.needs_a_look)
        .collect();
    assert_eq!(lost.len(), 2, "{lost:#?}");
    assert!(lost[0].was.starts_with("server 10.0.0.6:9001"));
    assert!(
        lost[1].was.starts_with("proxy_set_header X-Key") && lost[1].line == 12,
        "{:?}",
        lost[1]
    );
    assert!(!format!("{:?}", imported.changes).contains("s3cret"));
}

#[test]
fn an_edge_that_cannot_be_imported_says_why() {
    let none = "events {}\nhttp { server { listen 80; location / { root /srv; } } }\n";
    assert_eq!(try_import(none, None), Err(ImportError::NoMcp));
    let two = "events {}\nhttp {\n server { server_name a.example; location /mcp { proxy_pass http://x; } }\n\
               server { server_name b.example; location /mcp { proxy_pass http://y; } }\n}\n";
    let names = vec!["a.example".to_owned(), "b.example".to_owned()];
    assert_eq!(try_import(two, None), Err(ImportError::Several(names)));
    assert!(
        try_import(two, Some("b.example"))
            .expect("one of them")
            .spec
            .contains("http://y/mcp")
    );
    let nameless = "events {}\nhttp { server { location /mcp { proxy_pass http://x; } } }\n";
    assert_eq!(try_import(nameless, None), Err(ImportError::NoName));
    assert!(try_import(nameless, Some("c.example")).is_ok());
    let socket = "events {}\nhttp { server { server_name a.example; location /mcp { proxy_pass http://unix:/x.sock; } } }\n";
    assert!(matches!(
        try_import(socket, None),
        Err(ImportError::NoAddress(_))
    ));
}

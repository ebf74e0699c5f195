//! Harm to headers and to requests.

use probe::{Ask, Version};

use super::stage::{BOTH, Case, Stage, plain, secure};

fn location(directives: &str) -> String {
    format!("location = /mcp {{ proxy_pass http://127.0.0.1:@ORIGIN@;\n{directives}\n}}")
}

/// The value of a header that the origin sees when the client sends `sent`.
async fn seen(stage: &Stage, name: &str, sent: &str) -> String {
    let mut ask = Ask::post("/mcp", "{}");
    if !sent.is_empty() {
        ask = ask.with_header(name, sent).expect("a header");
    }
    stage.ask(ask).await;
    stage.origin.only().header(name).to_owned()
}

#[test]
fn a_post_without_the_slash_is_redirected() {
    let folder = "location /mcp/ { proxy_pass http://127.0.0.1:@ORIGIN@; }";
    let case = Case {
        rule: "mcp-slash-redirect",
        bad: plain("", folder),
        good: plain("", &format!("{}{folder}", location(""))),
    };
    case.shows(async |stage| stage.ask(Ask::post("/mcp", "{}")).await.head.status == 301);
}

#[test]
fn metadata_below_the_exact_path_is_not_found() {
    let metadata = "/.well-known/oauth-protected-resource";
    let with = |mark: &str| {
        let passed =
            format!("location {mark} {metadata} {{ proxy_pass http://127.0.0.1:@ORIGIN@; }}");
        plain("", &format!("{}{passed}", location("")))
    };
    let case = Case {
        rule: "well-known-unreachable",
        bad: with("="),
        good: with("^~"),
    };
    let path = format!("{metadata}/mcp");
    case.shows(async |stage| stage.ask(Ask::get(&path)).await.head.status == 404);
}

#[test]
fn a_post_that_is_redirected_with_301_becomes_a_get() {
    let with = |code: u32| {
        let redirect = format!(
            "server {{ listen 127.0.0.1:@HTTP@; server_name localhost; return {code} https://$host:@HTTPS@$request_uri; }}"
        );
        secure(
            &redirect,
            &format!("listen 127.0.0.1:@HTTPS@ ssl; {}", location("")),
        )
    };
    let case = Case {
        rule: "redirect-loses-post",
        bad: with(301),
        good: with(308),
    };
    case.shows(async |stage| {
        let mut curl = std::process::Command::new("chroot");
        curl.arg(&stage.tools.root_trixie);
        curl.args(["curl", "-s", "-k", "-L", "--max-time", "10", "--data", "{}"]);
        let authority = stage.plain().authority();
        curl.arg(format!(
            "http://{}/mcp",
            authority.replace("localhost", "127.0.0.1")
        ));
        curl.args(["-H", "Host: localhost"]);
        let output = tokio::task::spawn_blocking(move || curl.output()).await;
        let output = output.expect("no panic").expect("curl starts");
        assert!(output.status.success(), "{output:?}");
        stage.origin.only().line.starts_with("GET ")
    });
}

#[test]
fn a_bare_slash_behind_proxy_pass_doubles_the_slash() {
    let case = Case {
        rule: "proxy-pass-slash",
        bad: plain(
            "",
            "location /mcp { proxy_pass http://127.0.0.1:@ORIGIN@/; }",
        ),
        good: plain(
            "",
            "location /mcp { proxy_pass http://127.0.0.1:@ORIGIN@; }",
        ),
    };
    case.shows(async |stage| {
        stage.ask(Ask::get("/mcp/x")).await;
        stage.origin.only().line.starts_with("GET //x ")
    });
}

#[test]
fn a_lock_on_hidden_files_hides_the_metadata() {
    let lock = "location ~ /\\. { deny all; }";
    let open = "location ^~ /.well-known/oauth- { proxy_pass http://127.0.0.1:@ORIGIN@; }";
    let case = Case {
        rule: "well-known-locked",
        bad: plain("", &format!("{}{lock}", location(""))),
        good: plain("", &format!("{}{lock}{open}", location(""))),
    };
    case.shows(async |stage| {
        let answer = stage
            .ask(Ask::get("/.well-known/oauth-protected-resource"))
            .await;
        answer.head.status == 403
    });
}

#[test]
fn the_origin_sees_the_upstreams_name_as_host() {
    let upstream = "upstream app { server 127.0.0.1:@ORIGIN@; }";
    let with = |more: &str| {
        plain(
            upstream,
            &format!("location = /mcp {{ proxy_pass http://app; {more} }}"),
        )
    };
    let case = Case {
        rule: "host-rewritten",
        bad: with(""),
        good: with("proxy_set_header Host $host;"),
    };
    case.shows(async |stage| seen(&stage, "host", "").await == "app");
}

#[test]
fn the_clients_request_id_is_lost() {
    let map = "map $http_x_request_id $rid { default $request_id; \"~^[A-Za-z0-9._:-]{1,128}$\" $http_x_request_id; }";
    let with = |value: &str| {
        plain(
            map,
            &location(&format!("proxy_set_header X-Request-ID {value};")),
        )
    };
    let case = Case {
        rule: "request-id-overwritten",
        bad: with("$request_id"),
        good: with("$rid"),
    };
    case.shows(async |stage| seen(&stage, "x-request-id", "mine-1").await != "mine-1");
}

#[test]
fn the_origin_believes_an_address_that_the_client_made_up() {
    let rest =
        "proxy_set_header X-Forwarded-Proto $scheme; proxy_set_header X-Forwarded-Host $host;";
    let with = |value: &str| plain("", &location(&format!("{rest} {value}")));
    let case = Case {
        rule: "forwarded-from-client",
        bad: with("proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;"),
        good: with("proxy_set_header X-Forwarded-For $remote_addr;"),
    };
    let bare = Case {
        bad: with(""),
        ..case.clone()
    };
    for case in [case, bare] {
        case.shows(async |stage| {
            seen(&stage, "x-forwarded-for", "203.0.113.9")
                .await
                .contains("203.0.113.9")
        });
    }
}

#[test]
fn nginx_takes_a_client_for_whom_it_says_it_is() {
    let with = |from: &str| {
        plain(
            "",
            &format!(
                "set_real_ip_from {from}; real_ip_header X-Forwarded-For; {}",
                location("proxy_set_header X-Forwarded-For $remote_addr;")
            ),
        )
    };
    let case = Case {
        rule: "real-ip-anyone",
        bad: with("0.0.0.0/0"),
        good: with("192.0.2.0/24"),
    };
    case.shows(async |stage| seen(&stage, "x-forwarded-for", "203.0.113.9").await == "203.0.113.9");
}

#[test]
fn a_token_is_written_into_the_log() {
    let with = |variable: &str| {
        let format = format!("log_format own '{variable} $request';");
        plain(
            &format,
            &format!("access_log access.log own; {}", location("")),
        )
    };
    let case = Case {
        rule: "authorization-logged",
        bad: with("$http_authorization"),
        good: with("$remote_addr"),
    };
    case.shows(async |stage| {
        seen(&stage, "authorization", "Bearer s3cr3t").await;
        let path = stage.folder.path().join("access.log");
        let start = std::time::Instant::now();
        // a line comes when its request is over, which may be after its answer
        while start.elapsed() < e2e::DEADLINE {
            let log = std::fs::read_to_string(&path).unwrap_or_default();
            if log.ends_with('\n') {
                return log.contains("s3cr3t");
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        panic!("no line in the log");
    });
}

#[test]
fn the_clients_own_early_data_reaches_the_origin() {
    let case = Case {
        rule: "early-data-header",
        bad: plain("", &location("")),
        good: plain(
            "",
            &location("proxy_set_header Early-Data $ssl_early_data;"),
        ),
    };
    case.shows(async |stage| seen(&stage, "early-data", "1").await == "1");
}

#[test]
fn a_header_of_the_server_is_lost_in_a_location_with_its_own() {
    let outer = "proxy_set_header X-Tenant blue;";
    let own = "proxy_set_header Host $host;";
    let case = Case {
        rule: "proxy-set-header-lost",
        bad: plain("", &format!("{outer} {}", location(own))),
        good: plain("", &location(&format!("{own} {outer}"))),
    };
    case.shows(async |stage| seen(&stage, "x-tenant", "").await.is_empty());
}

const ALT_SVC: &str = "add_header Alt-Svc 'h3=\":@HTTPS@\"; ma=60' always;";

async fn has_no_alt_svc(stage: &Stage) -> bool {
    let answer = stage.ask_secure(Version::Http1, Ask::get("/mcp")).await;
    answer.expect("an answer").head.header("alt-svc").is_none()
}

#[test]
fn a_header_in_a_location_takes_alt_svc_away() {
    let with = |more: &str| {
        secure(
            "",
            &format!(
                "{BOTH} {ALT_SVC} {}",
                location(&format!("add_header X-Own 1; {more}"))
            ),
        )
    };
    let case = Case {
        rule: "add-header-lost",
        bad: with(""),
        good: with(ALT_SVC),
    };
    case.shows(async |stage| has_no_alt_svc(&stage).await);
}

#[test]
fn without_alt_svc_nobody_is_told_of_http3() {
    let with = |more: &str| secure("", &format!("{BOTH} {more} {}", location("")));
    let case = Case {
        rule: "alt-svc-missing",
        bad: with(""),
        good: with(ALT_SVC),
    };
    case.shows(async |stage| has_no_alt_svc(&stage).await);
}

#[test]
fn alt_svc_without_a_quic_listener_leads_nowhere() {
    let with = |listens: &str| secure("", &format!("{listens} {ALT_SVC} {}", location("")));
    let case = Case {
        rule: "alt-svc-port",
        bad: with("listen 127.0.0.1:@HTTPS@ ssl;"),
        good: with(BOTH),
    };
    case.shows(async |stage| {
        let answer = stage.ask_secure(Version::Http1, Ask::get("/mcp")).await;
        let port = stage.secure().port.to_string();
        let announced = answer
            .expect("an answer")
            .head
            .header("alt-svc")
            .unwrap_or_default()
            .contains(&port);
        assert!(announced);
        stage
            .ask_secure(Version::Http3, Ask::get("/mcp"))
            .await
            .is_err()
    });
}

#[test]
fn cors_of_the_edge_stands_beside_that_of_the_origin() {
    let own = "add_header Access-Control-Allow-Origin * always;";
    let case = Case {
        rule: "cors-doubled",
        bad: plain("", &location(own)),
        good: plain(
            "",
            &location(&format!(
                "{own} proxy_hide_header Access-Control-Allow-Origin;"
            )),
        ),
    };
    case.shows(async |stage| {
        let answer = stage.ask(Ask::get("/mcp?cors=1")).await;
        answer
            .head
            .headers
            .get_all("access-control-allow-origin")
            .iter()
            .count()
            == 2
    });
}

#[test]
fn a_foreign_host_reaches_the_origin() {
    let foreign = "server { listen 127.0.0.1:@HTTPS@ ssl default_server; ssl_reject_handshake on; return 421; }";
    let with = |before: &str| {
        secure(
            before,
            &format!("listen 127.0.0.1:@HTTPS@ ssl; {}", location("")),
        )
    };
    let case = Case {
        rule: "foreign-host",
        bad: with(""),
        good: with(foreign),
    };
    case.shows(async |stage| {
        let ask = Ask::get("/mcp")
            .with_header("host", "foreign.example")
            .expect("a header");
        let answer = stage
            .ask_secure(Version::Http1, ask)
            .await
            .expect("an answer");
        assert_eq!(answer.head.status == 421, stage.origin.seen().is_empty());
        answer.head.status == 200
    });
}

//! What a browser is told through the edge: by the origin, and by NGINX in its place.

use e2e::{Deployment, Running, Tools};

const ALLOWED: &str = "https://app.example.org";

/// A deployment that takes one page more, and no body above 1 KiB.
fn deployment(tools: &Tools) -> Deployment {
    let time = tools.server("mcp-server-time");
    Deployment::with_servers(&format!(
        "allowed_origins = [\"{ALLOWED}\"]\nmax_body_size = \"1KiB\"\n\
         [[servers]]\nname = \"time\"\ncommand = [\"{time}\"]\n"
    ))
}

/// The head of an answer, in lower case, to a request from a page.
fn head(tools: &Tools, running: &Running, page: &str, path: &str, arguments: &[&str]) -> String {
    let mut command = tools.curl_with_http3(&running.ca());
    command
        .args(["--http2", "--output", "/dev/null", "--dump-header", "-"])
        .args(["-H", &format!("Origin: {page}")])
        .args(arguments)
        .arg(running.url(path));
    let output = command.output().expect("curl starts");
    String::from_utf8_lossy(&output.stdout).to_lowercase()
}

#[test]
fn an_allowed_page_reads_the_answers_of_both_and_each_header_is_there_once() {
    let tools = Tools::from_environment();
    let running = Running::start(&tools, &deployment(&tools));
    let large = "x".repeat(2_000);
    for (path, arguments, status) in [
        ("/mcp", &["--data", large.as_str()][..], "413"),
        ("/mcp", &["--data", "{"][..], "415"),
        ("/nothing", &[][..], "404"),
        ("/mcp/nothing", &[][..], "404"),
        ("/healthz", &[][..], "200"),
    ] {
        for page in [ALLOWED, "http://localhost:6274"] {
            let head = head(&tools, &running, page, path, arguments);
            assert!(
                head.starts_with(&format!("http/2 {status}")),
                "{path}: {head}"
            );
            let told = format!("access-control-allow-origin: {page}\r\n");
            assert_eq!(head.matches(&told).count(), 1, "{path}: {head}");
            assert_eq!(head.matches("access-control-").count(), 2, "{path}: {head}");
        }
    }
}

#[test]
fn a_foreign_page_is_refused_and_reads_nothing() {
    let tools = Tools::from_environment();
    let running = Running::start(&tools, &deployment(&tools));
    let large = "x".repeat(2_000);
    for (path, arguments, status) in [
        ("/mcp", &["--data", "{}"][..], "403"),
        ("/healthz", &[][..], "403"),
        ("/mcp", &["--data", large.as_str()][..], "413"),
        ("/nothing", &[][..], "404"),
    ] {
        for page in [
            "https://evil.test",
            "null",
            "https://app.example.org.evil.test",
        ] {
            let head = head(&tools, &running, page, path, arguments);
            assert!(
                head.starts_with(&format!("http/2 {status}")),
                "{path}: {head}"
            );
            assert!(
                !head.contains("access-control-allow-origin"),
                "{path}: {head}"
            );
        }
    }
}

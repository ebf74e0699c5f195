//! A real browser: what it shows, and over which HTTP it came to it.

use std::io::Write as _;
use std::process::{Command, Stdio};

use e2e::{Browser, Deployment, Running, Screen, Tools, free_port_pair};

/// A deployment with the page that tells.
fn with_page(tools: &Tools) -> Deployment {
    let deployment = Deployment::with_time(tools);
    let spec = std::fs::read_to_string(deployment.spec()).expect("our own file");
    let spec = spec.replace("[edge]\n", "[edge]\nh3check = true\n");
    deployment.write("deploy.toml", &spec);
    deployment
}

/// The cells of a table's column.
fn column(browser: &mut Browser, number: u32) -> Vec<String> {
    let cells = format!(
        "[...document.querySelectorAll('#requests td:nth-child({number})')].map((cell) => cell.textContent)"
    );
    serde_json::from_value(browser.evaluate(&cells)).expect("texts")
}

/// Takes a picture for the docs. `UPDATE_SCREENSHOTS=1` puts it into its place, where it has to be in any case.
fn picture(browser: &mut Browser, name: &str) {
    let picture = browser.screenshot();
    // the first bytes of every PNG file
    assert!(picture.starts_with("iVBORw0KGgo"), "no picture of {name}");
    let place = format!(
        "{}/../../docs/screenshots/{name}.png",
        env!("CARGO_MANIFEST_DIR")
    );
    if std::env::var_os("UPDATE_SCREENSHOTS").is_some() {
        let file = std::fs::File::create(&place).expect("the folder of the docs");
        let mut decode = Command::new("base64");
        decode.arg("--decode").stdin(Stdio::piped()).stdout(file);
        let mut decode = decode.spawn().expect("it is one of coreutils");
        let mut stdin = decode.stdin.take().expect("it is piped");
        stdin.write_all(picture.as_bytes()).expect("it reads");
        drop(stdin);
        assert!(decode.wait().expect("it ends").success());
    }
    let size = std::fs::metadata(&place).map_or(0, |file| file.len());
    assert!((1..=150_000).contains(&size), "{place} has {size} bytes");
}

#[test]
fn a_browser_comes_over_tcp_and_goes_to_http3_as_it_is_told() {
    let tools = Tools::from_environment();
    let mut browser = goes_to_http3(&tools, &with_page(&tools));
    picture(&mut browser, "h3check");
}

#[test]
fn a_browser_goes_to_the_http3_of_an_origin_that_connections_are_passed_on_to() {
    let tools = Tools::from_environment();
    goes_to_http3(&tools, &with_page(&tools).passed_on());
}

#[test]
fn a_browser_goes_to_the_http3_of_an_origin_that_has_the_public_udp_socket() {
    let tools = Tools::from_environment();
    goes_to_http3(&tools, &with_page(&tools).passed_on_by_the_kernel());
}

/// Opens the page of a deployment until the browser and the server agree; gives the browser back as it stands there.
fn goes_to_http3(tools: &Tools, deployment: &Deployment) -> Browser {
    let running = Running::start(tools, deployment);
    let mut browser = Browser::start(tools, &running.dir.join("demo/tls/chain.pem"));
    browser.show_on(Screen::DESK);
    browser.go(&running.url("/h3check"));
    let protocol = browser.wait_for("document.documentElement.dataset.protocol");
    let (used, told) = (column(&mut browser, 2), column(&mut browser, 3));
    assert_eq!(protocol, "h3", "{used:?}");
    assert_eq!(used[0], "h2", "nothing forced it: {used:?}");
    // the page's own row says nothing of the other end
    assert_eq!(used[1..], told[1..], "both ends see the same");
    browser
}

/// A server that answers, one that does not start, and one whose tools are named to take a page over; and the port of the
/// operator.
fn with_operator(tools: &Tools) -> (Deployment, u16) {
    let (port, _) = free_port_pair();
    let (time, names) = (
        tools.server("mcp-server-time"),
        Tools::script("hostile_names.py"),
    );
    let deployment = Deployment::with_servers(&format!(
        "admin_bind = [\"unix:/run/demo/admin.sock\", \"127.0.0.1:{port}\"]\n\
         [[servers]]\nname = \"time\"\ncommand = [\"{time}\"]\n\
         check_tool = \"get_current_time\"\ncheck_arguments = {{ timezone = \"UTC\" }}\n\
         [[servers]]\nname = \"names\"\ncommand = [\"python3\", \"{names}\"]\n\
         [[servers]]\nname = \"search\"\n\
         command = [\"sh\", \"-c\", \"echo '<fatal> cannot open /srv/index: permission denied' >&2; exit 1\"]\n"
    ));
    (deployment, port)
}

#[test]
fn the_operator_sees_everything_on_any_screen_and_nothing_of_it_runs() {
    let tools = Tools::from_environment();
    let (deployment, port) = with_operator(&tools);
    let _running = Running::start(&tools, &deployment);
    let mut browser = Browser::start_plain(&tools);
    browser.show_on(Screen {
        height: 960,
        ..Screen::DESK
    });
    browser.go(&format!("http://127.0.0.1:{port}/"));
    browser.wait_for("document.getElementById('status').textContent === 'degraded'");
    browser.wait_for("document.getElementById('live').textContent.startsWith('live')");
    picture(&mut browser, "status");
    what_servers_say_is_text(&mut browser);
    for screen in [Screen::PHONE, Screen::PHONE.dark()] {
        browser.show_on(screen);
        assert_eq!(
            browser.evaluate("document.documentElement.scrollWidth"),
            360
        );
    }
    picture(&mut browser, "status-phone");
}

fn what_servers_say_is_text(browser: &mut Browser) {
    browser.evaluate("document.getElementById('catalog').open = true");
    browser.wait_for("document.querySelectorAll('#tools li').length >= 3");
    let text = browser.evaluate("document.querySelector('main').textContent");
    let text = text.as_str().expect("a text");
    assert!(text.contains("<fatal> cannot open"), "{text}");
    let made = browser.evaluate("document.querySelectorAll('main img, main fatal').length");
    assert_eq!(made, 0, "{text}");
    assert_eq!(browser.evaluate("document.title"), "demo: degraded");
    browser.evaluate("document.getElementById('catalog').open = false");
}

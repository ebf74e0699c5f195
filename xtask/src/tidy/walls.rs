//! The walls between the parts: what is not there is what is checked.

use super::{Place, Tree, lines};

/// These crates do no input or output, read no clock and spawn nothing.
pub(super) const PURE: [&str; 5] = [
    "crates/mcp",
    "crates/deploy",
    "crates/http3",
    "crates/proxy-protocol",
    "crates/wrappers",
];

pub(super) fn pure_crates(tree: &Tree) -> Vec<Place> {
    // addresses are values: of `std::net` only what opens something is forbidden
    const FORBIDDEN: [&str; 18] = [
        "std::fs",
        "TcpStream",
        "TcpListener",
        "UdpSocket",
        "UnixStream",
        "ToSocketAddrs",
        "std::os",
        "std::process",
        "std::thread",
        "std::env::",
        "io::stdin",
        "io::stdout",
        "io::stderr",
        "Instant::now",
        "SystemTime",
        "tokio::",
        "File::open",
        "rustix::",
    ];
    tree.product()
        .filter(|(path, _)| {
            PURE.iter()
                .any(|name| path.starts_with(&format!("{name}/src/")))
        })
        .flat_map(|(path, text)| {
            lines(path, text, |line| {
                let found = FORBIDDEN.iter().find(|word| line.contains(*word))?;
                Some(format!(
                    "`{found}` in a crate that does no I/O and reads no clock"
                ))
            })
        })
        .collect()
}

/// Where MCP's method names may stand: one file for the origin, and the client that makes requests.
const METHOD_FILES: [&str; 2] = ["crates/mcp/src/dispatch.rs", "crates/probe/src/mcp"];

pub(super) fn mcp_methods(tree: &Tree) -> Vec<Place> {
    const METHODS: [&str; 8] = [
        "\"initialize\"",
        "\"server/discover\"",
        "\"tools/list\"",
        "\"tools/call\"",
        "\"resources/",
        "\"prompts/",
        "\"notifications/",
        "\"completion/",
    ];
    tree.product()
        .filter(|(path, _)| !METHOD_FILES.iter().any(|file| path.starts_with(file)))
        .flat_map(|(path, text)| {
            lines(path, text, |line| {
                let found = METHODS.iter().find(|name| line.contains(*name))?;
                Some(format!(
                    "MCP method name {found}… outside {}",
                    METHOD_FILES[0]
                ))
            })
        })
        .collect()
}

/// The topology decides in one function of one file. Its own words (`Self::…`) do not count, nor does xtask.
pub(super) fn topology(tree: &Tree) -> Vec<Place> {
    let arms = tree
        .product()
        .filter(|(path, _)| !path.starts_with("xtask/"))
        .flat_map(|(path, text)| {
            let decides = |line: &str| {
                let arm = line.trim_start().starts_with("Topology::") && line.contains("=>");
                let test = line.contains("Topology::")
                    && (line.contains("matches!(") || line.contains("== "));
                (arm || test).then(|| "the topology decides in more than one file".to_owned())
            };
            lines(path, text, decides)
        });
    let places: Vec<Place> = arms.collect();
    let elsewhere = places.iter().any(|place| place.path != places[0].path);
    if elsewhere { places } else { Vec::new() }
}

pub(super) fn http_version(tree: &Tree) -> Vec<Place> {
    tree.product()
        .filter(|(path, _)| {
            path.starts_with("origin/src/") && !path.starts_with("origin/src/proto/")
        })
        .flat_map(|(path, text)| {
            lines(path, text, |line| {
                line.contains("Version::HTTP_")
                    .then(|| "the HTTP version is looked at outside `origin/src/proto`".to_owned())
            })
        })
        .collect()
}

/// rustls-pemfile is archived upstream: the way out is short as long as one file uses it.
pub(super) fn pem_file(tree: &Tree) -> Vec<Place> {
    let places: Vec<Place> = tree
        .product()
        .flat_map(|(path, text)| {
            lines(path, text, |line| {
                line.contains("rustls_pemfile::")
                    .then(|| "`rustls_pemfile` is used in more than one file".to_owned())
            })
        })
        .collect();
    let elsewhere = places.iter().any(|place| place.path != places[0].path);
    if elsewhere { places } else { Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::super::tests::tree;
    use super::*;

    #[test]
    fn a_clock_in_a_pure_crate_is_found_and_one_in_the_shell_is_fine() {
        let text = "let now = Instant::now();\n";
        let tree = tree(&[
            ("crates/deploy/src/render.rs", text),
            ("opsctl/src/host.rs", text),
        ]);
        let places = pure_crates(&tree);
        assert_eq!(places.len(), 1);
        assert_eq!(places[0].path, "crates/deploy/src/render.rs");
    }

    #[test]
    fn a_method_name_outside_its_file_is_found() {
        let text = "let m = \"tools/call\";\n";
        let tree = tree(&[
            ("origin/src/endpoint/mcp.rs", text),
            ("crates/mcp/src/dispatch.rs", text),
            ("tests/e2e/tests/it/mcp.rs", text),
        ]);
        assert_eq!(mcp_methods(&tree).len(), 1);
    }

    #[test]
    fn a_second_file_that_matches_the_topology_is_found() {
        let arm = "        Topology::H3Termination => a(),\n";
        let one = tree(&[("crates/deploy/src/resolve.rs", arm)]);
        let two = tree(&[
            ("crates/deploy/src/resolve.rs", arm),
            ("opsctl/src/x.rs", "if t == Topology::H3Termination {\n"),
        ]);
        assert!(topology(&one).is_empty());
        assert_eq!(topology(&two).len(), 2);
    }

    #[test]
    fn the_http_version_is_looked_at_in_proto_alone() {
        let text = "if v == Version::HTTP_2 {\n";
        let tree = tree(&[
            ("origin/src/proto/h2.rs", text),
            ("origin/src/router.rs", text),
        ]);
        assert_eq!(http_version(&tree).len(), 1);
    }

    #[test]
    fn a_second_user_of_pemfile_is_found() {
        let text = "rustls_pemfile::certs(&mut r)\n";
        assert!(pem_file(&tree(&[("a/src/pem.rs", text)])).is_empty());
        assert_eq!(
            pem_file(&tree(&[("a/src/pem.rs", text), ("b/src/x.rs", text)])).len(),
            2
        );
    }
}

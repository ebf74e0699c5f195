//! Deployments for tests, from a spec in a folder of the test's own.

use std::path::Path;

use deploy::{Deployment, Facts, Layout, PrivateLayout, Target};

use crate::certificate::placeholder;
use crate::host::{self, files};
use crate::spec::SpecFile;

/// A spec with one site for `localhost`; `tls` is the text below `[tls]`.
pub(crate) fn spec(tls: &str) -> String {
    format!(
        "name = \"demo\"\ntopology = \"h3-termination\"\nserver_names = [\"localhost\"]\n[edge]\nlisten = [\"0.0.0.0\"]\n\
         https_port = 8443\npublic_https_port = 443\nhttp_port = 0\n[tls]\n{tls}\n[origin]\nstream_keep_alive = \"3s\"\n\
         [[servers]]\nname = \"time\"\ncommand = [\"cat\"]\ncheck_tool = \"now\"\n"
    )
}

/// The deployment of a spec in the private layout below a folder.
pub(crate) fn deployment(text: &str, root: &Path) -> (Deployment, SpecFile) {
    let file = SpecFile::from_text("deploy.toml".into(), text.into());
    let word = |path: &Path| path.display().to_string().parse().expect("a plain path");
    let layout = Layout::Private(PrivateLayout {
        root: word(root),
        worker_user: None,
        origin_executable: word(Path::new("/usr/bin/origin")),
    });
    (in_layout(text, layout), file)
}

/// The deployment of a spec whose certificate for `a.example` comes from an ACME server, on a Debian.
pub(crate) fn acme() -> Deployment {
    let text = "name = \"demo\"\nserver_names = [\"a.example\"]\n[tls.acme]\nterms_agreed = true\n\
        [[servers]]\nname = \"time\"\ncommand = [\"cat\"]\n";
    in_layout(text, Layout::Debian)
}

/// A deployment whose origin shows the certificate, on a Debian; `tls` is the value of the key.
pub(crate) fn passing(tls: &str) -> Deployment {
    let text = format!(
        "name = \"demo\"\ntopology = \"stream-passthrough\"\nserver_names = [\"a.example\"]\ntls = {tls}\n\
         [[servers]]\nname = \"time\"\ncommand = [\"cat\"]\n"
    );
    in_layout(&text, Layout::Debian)
}

fn in_layout(text: &str, layout: Layout) -> Deployment {
    let nginx = Target::named("1.30.7").expect("a version");
    let (spec, report) = deploy::parse(text, "deploy.toml");
    let spec = spec.unwrap_or_else(|| panic!("{report}"));
    let (deployment, report) = deploy::resolve(&spec, &Facts { nginx, layout });
    deployment.unwrap_or_else(|| panic!("{report}"))
}

/// Puts a certificate for these names where certbot keeps that of a site of [`acme()`] on the machine below `root`; returns its
/// chain.
pub(crate) fn certbot(root: &Path, names: &[&str]) -> String {
    let mut site = acme().sites.remove(0);
    site.server_names = names
        .iter()
        .map(|name| name.parse().expect("a name"))
        .collect();
    let made = placeholder(&site, host::now()).expect("made");
    let live = deploy::acme::Acme::live(&site.name);
    let renewal = "[renewalparams]\nserver = https://acme-v02.api.letsencrypt.org/directory\nkey_type = ecdsa\n";
    for (path, text) in [
        (format!("{live}/fullchain.pem"), made.chain.as_str()),
        (format!("{live}/privkey.pem"), made.key.as_str()),
        (deploy::acme::Acme::renewal(&site.name), renewal),
    ] {
        write(root, &path, text);
    }
    made.chain
}

/// Writes a file of the machine below `root`, with the folders above it.
pub(crate) fn write(root: &Path, path: &str, text: &str) {
    let path = files::below(root, path);
    let folder = path.parent().expect("below the root");
    files::make_folder(folder, 0o755, (None, None)).expect("made");
    files::replace(files::NewFile {
        path: &path,
        contents: text.as_bytes(),
        mode: 0o600,
        owner: (None, None),
    })
    .expect("written");
}

/// A plan that does nothing.
pub(crate) fn empty_plan() -> deploy::plan::Plan {
    deploy::plan::Plan::of_nothing(&"demo".parse().expect("a name"))
}

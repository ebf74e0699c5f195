//! Deployments for tests, from a spec in a folder of the test's own.

use std::path::Path;

use deploy::{Deployment, Facts, Layout, PrivateLayout, Target};

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
    let facts = Facts {
        nginx: Target::named("1.30.7").expect("a version"),
        layout: Layout::Private(PrivateLayout {
            root: word(root),
            worker_user: None,
            origin_executable: word(Path::new("/usr/bin/origin")),
        }),
    };
    let (spec, report) = deploy::parse(text, "deploy.toml");
    let spec = spec.unwrap_or_else(|| panic!("{report}"));
    let (deployment, report) = deploy::resolve(&spec, &facts);
    (deployment.unwrap_or_else(|| panic!("{report}")), file)
}

/// A plan that does nothing.
pub(crate) fn empty_plan() -> deploy::plan::Plan {
    deploy::plan::Plan::of_nothing(&"demo".parse().expect("a name"))
}

//! The rendering for the NGINX at hand works on each NGINX: not only `nginx -t`, the whole verification.

use e2e::{Deployment, NginxBuild, Tools, up_once};

fn verify_on(build: NginxBuild) {
    let tools = Tools::from_environment();
    let deployment = Deployment::with_time(&tools);
    let nginx = tools.nginx(build, deployment.folder.path());
    let verdict = up_once(
        &tools,
        &deployment,
        &["--nginx", &nginx.display().to_string()],
    );
    assert_eq!(
        verdict.code,
        0,
        "{build:?}: {:?}\n{}",
        verdict.failed(),
        verdict.talk
    );
    assert_eq!(verdict.status("http3"), "pass");
    assert_eq!(verdict.status("stream.cadence"), "pass");
}

#[test]
fn nginx_1_26_of_debian_13_verifies() {
    verify_on(NginxBuild::Debian13);
}

#[test]
fn nginx_1_28_from_source_verifies() {
    verify_on(NginxBuild::Source);
}

#[test]
fn nginx_1_30_of_debian_testing_verifies() {
    verify_on(NginxBuild::DebianTesting);
}

use super::*;
use crate::layout::Layout;
use crate::resolve::{Facts, resolve};
use crate::spec::parse;
use crate::target::Target;

fn deployment() -> Deployment {
    deployment_with("")
}

/// The same with more of the spec.
fn deployment_with(more: &str) -> Deployment {
    let text = format!(
        "name = \"demo\"\nserver_names = [\"localhost\"]\ntls = {{ self_signed = true }}\n{more}"
    );
    let facts = Facts {
        nginx: Target::named("1.28.3").expect("a version"),
        layout: Layout::Debian,
    };
    let (spec, _) = parse(&text, "deploy.toml");
    let (deployment, report) = resolve(&spec.expect("a good spec"), &facts);
    deployment.unwrap_or_else(|| panic!("{report}"))
}

/// The error of a rendering with one template replaced, its sources included.
fn error_with(template: &str, text: &str) -> String {
    let texts = [(template.to_owned(), text.to_owned())];
    let rendered = Templates::embedded()
        .with(texts)
        .and_then(|templates| render(&deployment(), &templates));
    let error = rendered.expect_err("a template at fault");
    format!("{error}: {error:?}")
}

#[test]
fn rendering_twice_gives_the_same_bytes_sorted_by_path() {
    let rendered = render(&deployment(), &Templates::embedded()).expect("good templates");
    assert_eq!(
        render(&deployment(), &Templates::embedded()).expect("again"),
        rendered
    );
    assert!(rendered.files.is_sorted_by_key(|file| &file.path));
    assert!(rendered.directories.is_sorted_by_key(|folder| &folder.path));
}

#[test]
fn every_file_names_its_spec_and_its_generation() {
    let deployment = deployment();
    let rendered = render(&deployment, &Templates::embedded()).expect("good templates");
    for file in &rendered.files {
        let head: String = file.contents.lines().take(3).collect();
        assert!(
            head.contains("deploy.toml") && head.contains(deployment.generation.as_str()),
            "{}",
            file.path
        );
        assert!(
            file.contents.ends_with('\n') && !file.contents.contains("{{"),
            "{}",
            file.path
        );
    }
}

#[test]
fn the_file_that_may_hold_secrets_is_not_for_everybody() {
    let rendered = render(&deployment(), &Templates::embedded()).expect("good templates");
    let file = rendered
        .files
        .iter()
        .find(|file| file.path == "/etc/demo/origin.toml")
        .expect("rendered");
    assert_eq!(file.mode, 0o640);
    assert_eq!(file.owner, Some(Owner::named("root", "demo")));
    assert_eq!(file.component, Component::Origin(deployment().name));
}

#[test]
fn the_page_of_protocols_is_open_at_both_ends_or_at_none() {
    for (more, is_open) in [("", false), ("[edge]\nh3check = true\n", true)] {
        let deployment = deployment_with(more);
        let rendered = render(&deployment, &Templates::embedded()).expect("good templates");
        let any = |text: &str| {
            rendered
                .files
                .iter()
                .any(|file| file.contents.contains(text))
        };
        assert_eq!(any("location = /h3check {"), is_open, "{more}");
        assert_eq!(any("\nh3check = true\n"), is_open, "{more}");
    }
}

#[test]
fn the_escape_function_refuses_what_no_word_has() {
    let error = error_with("tls.conf.tera", "ssl_ciphers {{ \"a;b\" }};");
    assert!(
        error.contains("tls.conf.tera") && error.contains("character `;`"),
        "{error}"
    );
    let error = error_with("tls.conf.tera", "{{ \"a{b\" | safe }}");
    assert!(error.contains("`safe` is not available"), "{error}");
}

#[test]
fn a_template_at_fault_is_named() {
    assert!(error_with("proxy.conf.tera", "{{ nothing }}").contains("proxy.conf.tera"));
    assert!(error_with("proxy.conf.tera", "{% if %}").contains("cannot be read"));
    assert!(error_with("htp.conf.tera", "").contains("did you mean `http.conf.tera`?"));
}

#[test]
fn own_templates_take_the_place_of_the_embedded_ones() {
    let texts = [("tls.conf.tera".to_owned(), "# mine".to_owned())];
    let templates = Templates::embedded().with(texts).expect("a known name");
    let rendered = render(&deployment(), &templates).expect("good templates");
    let file = rendered
        .files
        .iter()
        .find(|file| file.path.ends_with("/tls.conf"))
        .expect("rendered");
    assert_eq!(file.contents, "# mine\n");
}

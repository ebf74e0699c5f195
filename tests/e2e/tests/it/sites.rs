//! Several origins behind one edge.

use e2e::{Deployment, Tools, up_once};

#[test]
fn two_origins_behind_one_edge_verify_each_on_its_own() {
    let tools = Tools::from_environment();
    let time = tools.server("mcp-server-time");
    let site = |name: &str| {
        format!(
            "[[sites]]\nname = \"{name}\"\nserver_names = [\"{name}.localhost\"]\n[sites.tls]\nself_signed = true\n\
             [sites.origin]\nstream_keep_alive = \"2s\"\n\
             [[sites.servers]]\nname = \"time\"\ncommand = [\"{time}\"]\ncheck_tool = \"get_current_time\"\n\
             check_arguments = {{ timezone = \"UTC\" }}\n"
        )
    };
    let deployment = Deployment::from_text(|https, http| {
        format!(
            "name = \"pair\"\ntopology = \"h3-termination\"\n[edge]\nlisten = [\"127.0.0.1\"]\n\
             https_port = {https}\nhttp_port = {http}\n{}{}",
            site("alpha"),
            site("beta")
        )
    });
    let verdict = up_once(&tools, &deployment, &[]);
    assert_eq!(verdict.code, 0, "{:?}\n{}", verdict.failed(), verdict.talk);
    for name in ["alpha", "beta"] {
        let text = verdict.json.to_string();
        assert!(
            text.contains(&format!("\"site\":\"{name}\"")),
            "{name}: {text}"
        );
    }
}

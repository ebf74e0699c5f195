//! A server that fails does not take the others with it, and is named.

use e2e::{Deployment, Tools, children_of, up_once};

#[test]
fn a_server_that_dies_at_once_is_named_and_the_others_serve() {
    let tools = Tools::from_environment();
    let time = tools.server("mcp-server-time");
    let deployment = Deployment::with_servers(&format!(
        "[[servers]]\nname = \"doomed\"\ncommand = [\"sh\", \"-c\", \"echo no such database >&2; exit 3\"]\n\
         [[servers]]\nname = \"time\"\ncommand = [\"{time}\"]\n\
         check_tool = \"get_current_time\"\ncheck_arguments = {{ timezone = \"UTC\" }}\n"
    ));
    let verdict = up_once(&tools, &deployment, &[]);
    assert_eq!(verdict.code, 14, "{:#}\n{}", verdict.json, verdict.talk);
    let detail = verdict.failure("origin.ready");
    assert!(
        detail.contains("doomed") && detail.contains("no such database"),
        "{detail}"
    );
    assert_eq!(
        verdict.status("mcp.initialize"),
        "pass",
        "{:?}",
        verdict.failed()
    );
    assert_eq!(verdict.status("http3"), "pass", "{:?}", verdict.failed());
    assert_eq!(children_of(deployment.folder.path()), Vec::<String>::new());
}

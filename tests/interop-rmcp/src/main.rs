//! Goes once through an MCP endpoint with rmcp's own client.
//!
//! Usage: `interop-rmcp URL auto|legacy|modern CA`. Prints one JSON object.

use std::error::Error;
use std::sync::Arc;

use rmcp::model::{
    CallToolRequestParams, ClientConfig, ElicitRequestParams, ElicitResult, ElicitationAction,
    GetPromptRequestParams, Implementation, ProtocolVersion, ReadResourceRequestParams,
};
use rmcp::service::{
    ClientLifecycleMode, ClientServiceExt as _, MaybeSendFuture, RequestContext, RoleClient,
};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use rmcp::{ClientHandler, ErrorData};
use serde_json::{Value, json};

/// A client that says yes to whatever it is asked.
struct Client;

impl ClientHandler for Client {
    fn get_info(&self) -> ClientConfig {
        let capabilities = serde_json::from_value(json!({"elicitation": {}})).unwrap_or_default();
        ClientConfig::new(capabilities, Implementation::new("interop-rmcp", "0"))
    }

    fn create_elicitation(
        &self,
        request: ElicitRequestParams,
        _: RequestContext<RoleClient>,
    ) -> impl Future<Output = Result<ElicitResult, ErrorData>> + MaybeSendFuture + '_ {
        let asked = serde_json::to_value(request).unwrap_or_default();
        let properties = asked["requestedSchema"]["properties"].as_object();
        let names = properties.into_iter().flatten().map(|(name, _)| name);
        let content: Value = names.map(|name| (name.clone(), json!("Ada"))).collect();
        let result = ElicitResult::new(ElicitationAction::Accept).with_content(content);
        std::future::ready(Ok(result))
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut next = |name: &str| arguments.next().ok_or(format!("no {name}"));
    let (url, mode, ca) = (next("URL")?, next("mode")?, next("CA")?);
    rustls::crypto::ring::default_provider()
        .install_default()
        .map_err(|_| "a provider is there already")?;
    let ca = reqwest::Certificate::from_pem(&std::fs::read(ca)?)?;
    let http = reqwest::Client::builder().tls_certs_only([ca]).build()?;
    let config = StreamableHttpClientTransportConfig::with_uri(Arc::<str>::from(url));
    let transport = StreamableHttpClientTransport::with_client(http, config);
    let modern = vec![ProtocolVersion::V_2026_07_28];
    let lifecycle = match mode.as_str() {
        "legacy" => ClientLifecycleMode::Initialize,
        "modern" => ClientLifecycleMode::Discover {
            preferred_versions: modern,
        },
        "auto" => ClientLifecycleMode::Auto {
            preferred_versions: modern,
            legacy_version: None,
        },
        other => return Err(format!("`{other}` is no mode").into()),
    };
    let asking = if mode == "legacy" {
        "test_elicitation"
    } else {
        "test_input_required_result_elicitation"
    };
    let client = Client.serve_with_lifecycle(transport, lifecycle).await?;
    let tools = client.list_all_tools().await?;
    let names: Vec<&str> = tools.iter().map(|tool| tool.name.as_ref()).collect();
    let call = |name: &'static str, arguments: Value| {
        let arguments = arguments.as_object().cloned().unwrap_or_default();
        client.call_tool(CallToolRequestParams::new(name).with_arguments(arguments))
    };
    let text = call("test_simple_text", json!({})).await?;
    let echo = call("test_echo", json!({"text": "größe \n\"'$()"})).await?;
    let asked = call(asking, json!({"message": "who?"})).await?;
    let resource = ReadResourceRequestParams::new("test://static-text");
    let resource = client.read_resource(resource).await?;
    let arguments = json!({"arg1": "one", "arg2": "two"});
    let prompt = GetPromptRequestParams::new("test_prompt_with_arguments")
        .with_arguments(arguments.as_object().cloned().unwrap_or_default());
    let prompt = client.get_prompt(prompt).await?;
    let seen = json!({
        "tools": names,
        "call": serde_json::to_value(&text)?["content"][0]["text"],
        "echo": serde_json::to_value(&echo)?["structuredContent"],
        "asked": serde_json::to_value(&asked)?["content"][0]["text"],
        "resource": serde_json::to_value(&resource)?["contents"][0]["text"],
        "prompt": serde_json::to_value(&prompt)?["messages"][0]["content"]["text"],
    });
    println!("{seen}");
    client.cancel().await?;
    Ok(())
}

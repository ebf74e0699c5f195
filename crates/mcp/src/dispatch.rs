//! From one POST to a decision. The one file that knows the names of MCP's methods.

/// The names of methods and notifications.
pub(crate) mod method {
    pub(crate) const INITIALIZE: &str = "initialize";
    pub(crate) const INITIALIZED: &str = "notifications/initialized";
    pub(crate) const CANCELLED: &str = "notifications/cancelled";
    pub(crate) const PROGRESS: &str = "notifications/progress";
    pub(crate) const TOOLS_LIST_CHANGED: &str = "notifications/tools/list_changed";
    pub(crate) const PING: &str = "ping";
    pub(crate) const DISCOVER: &str = "server/discover";
    pub(crate) const TOOLS_LIST: &str = "tools/list";
    pub(crate) const TOOLS_CALL: &str = "tools/call";
}

//! `/mcp` and `/servers/{name}/mcp`: one POST, one answer.

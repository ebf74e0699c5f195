"""An MCP server of 2025-11-25 whose tool has markup for a name. Standard library only."""

import json
import sys

NAME = "<img src=x onerror=\"document.title='taken over'\">"


def result(method):
    if method == "initialize":
        return {
            "protocolVersion": "2025-11-25",
            "capabilities": {"tools": {}},
            "serverInfo": {"name": NAME, "version": "1"},
        }
    if method == "tools/list":
        tool = {"name": NAME, "description": NAME, "inputSchema": {"type": "object"}}
        return {"tools": [tool, dict(tool, name="plain")]}
    return None


for line in sys.stdin:
    message = json.loads(line)
    if "id" not in message:
        continue
    answer = {"jsonrpc": "2.0", "id": message["id"]}
    found = result(message["method"])
    if found is None:
        answer["error"] = {"code": -32601, "message": "no such method"}
    else:
        answer["result"] = found
    print(json.dumps(answer), flush=True)

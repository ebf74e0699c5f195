"""Lists the tools of an MCP endpoint and calls two of them with the `mcp` package's own client.

Usage: list_and_call.py URL auto|legacy DIRECTORY. Prints one JSON object.
"""

import asyncio
import json
import subprocess
import sys

import mcp


async def main(url: str, mode: str, directory: str) -> dict:
    repository = subprocess.run(
        ["git", "-C", directory, "rev-parse", "--show-toplevel"], check=True, capture_output=True, text=True
    ).stdout.strip()
    async with mcp.Client(url, mode=mode) as client:
        listed = await client.list_tools()
        log = await client.call_tool("git__git_log", {"repo_path": repository, "max_count": 1})
        now = await client.call_tool("time__get_current_time", {"timezone": "UTC"})
        return {
            "tools": [tool.name for tool in listed.tools],
            "git_log": log.content[0].text,
            "time": now.content[0].text,
        }


print(json.dumps(asyncio.run(main(*sys.argv[1:4]))))

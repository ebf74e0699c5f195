"""Goes once through an MCP endpoint with the `mcp` package's own client, and answers what the server asks back.

Usage: mcp_tour.py URL auto|legacy|2026-07-28. Prints one JSON object.
"""

import asyncio
import json
import sys

import mcp
from mcp import types

# the tool that asks its client, in the way of each era
ASKING = {"legacy": "test_elicitation", "2026-07-28": "test_input_required_result_elicitation"}


async def elicited(context, params) -> types.ElicitResult:
    properties = params.requested_schema.get("properties", {})
    return types.ElicitResult(action="accept", content={name: "Ada" for name in properties})


async def main(url: str, mode: str) -> dict:
    progress = []

    async def progressed(done: float, total: float | None, message: str | None) -> None:
        progress.append(done)

    async with mcp.Client(url, mode=mode, elicitation_callback=elicited) as client:
        version = client.protocol_version
        tools = await client.list_tools()
        call = await client.call_tool("test_simple_text", {})
        echoed = await client.call_tool("test_echo", {"text": "größe \n\"'$()"})
        await client.call_tool("test_tool_with_progress", {}, progress_callback=progressed)
        resource = await client.read_resource("test://static-text")
        prompt = await client.get_prompt("test_prompt_with_arguments", {"arg1": "one", "arg2": "two"})
        era = "2026-07-28" if version == "2026-07-28" else "legacy"
        asked = await client.call_tool(ASKING[era], {"message": "who?"} if era == "legacy" else {})
        return {
            "version": version,
            "tools": [tool.name for tool in tools.tools],
            "call": call.content[0].text,
            "echo": echoed.structured_content,
            "progress": progress,
            "resource": resource.contents[0].text,
            "prompt": prompt.messages[0].content.text,
            "asked": asked.content[0].text,
        }


print(json.dumps(asyncio.run(main(*sys.argv[1:3]))))

"""Goes once through an MCP endpoint with the `fastmcp` package's own client.

Usage: fastmcp_tour.py URL auto|legacy|2026-07-28. Prints one JSON object.
"""

import asyncio
import json
import sys

from fastmcp import Client


async def main(url: str, mode: str) -> dict:
    progress = []

    async def progressed(done: float, total: float | None, message: str | None) -> None:
        progress.append(done)

    async with Client(url, mode=mode) as client:
        tools = await client.list_tools()
        call = await client.call_tool("test_simple_text", {})
        echoed = await client.call_tool("test_echo", {"text": "größe \n\"'$()"})
        await client.call_tool("test_tool_with_progress", {}, progress_handler=progressed)
        resource = await client.read_resource("test://static-text")
        prompt = await client.get_prompt("test_prompt_with_arguments", {"arg1": "one", "arg2": "two"})
        return {
            "version": client.protocol_version,
            "tools": [tool.name for tool in tools],
            "call": call.content[0].text,
            "echo": echoed.structured_content,
            "progress": progress,
            "resource": resource[0].text,
            "prompt": prompt.messages[0].content.text,
        }


print(json.dumps(asyncio.run(main(*sys.argv[1:3]))))

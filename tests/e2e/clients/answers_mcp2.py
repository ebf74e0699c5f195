"""A client of either era, the `mcp` package: calls tools that ask back, and answers them.

Usage: answers_mcp2.py URL auto|legacy PREFIX…. Prints one JSON object: for each prefix the texts of its tools.
"""

import asyncio
import json
import sys

import mcp
from mcp import types


async def elicited(context, params) -> types.ElicitResult:
    return types.ElicitResult(action="accept", content={"name": "Ada"})


async def sampled(context, params) -> types.CreateMessageResult:
    said = types.TextContent(type="text", text="a line of the model")
    return types.CreateMessageResult(role="assistant", content=said, model="none")


async def rooted(context) -> types.ListRootsResult:
    return types.ListRootsResult(roots=[types.Root(uri="file:///srv/a"), types.Root(uri="file:///srv/b")])


async def main(url: str, mode: str, *prefixes: str) -> dict:
    callbacks = {"elicitation_callback": elicited, "sampling_callback": sampled, "list_roots_callback": rooted}
    async with mcp.Client(url, mode=mode, **callbacks) as client:
        seen = {"version": client.protocol_version}
        for prefix in prefixes:
            said = [await client.call_tool(f"{prefix}__{tool}", {}) for tool in ("who", "line", "where")]
            seen[prefix] = [answer.content[0].text for answer in said]
        return seen


print(json.dumps(asyncio.run(main(*sys.argv[1:]))))

"""A client up to 2025-11-25, the `mcp` package of that time: calls tools that ask back, and answers them.

Usage: answers_mcp1.py URL PREFIX…. Prints one JSON object: for each prefix the texts of its tools.
"""

import asyncio
import json
import sys

from mcp import ClientSession, types
from mcp.client.streamable_http import streamablehttp_client


async def elicited(context, params) -> types.ElicitResult:
    return types.ElicitResult(action="accept", content={"name": "Ada"})


async def sampled(context, params) -> types.CreateMessageResult:
    said = types.TextContent(type="text", text="a line of the model")
    return types.CreateMessageResult(role="assistant", content=said, model="none")


async def rooted(context) -> types.ListRootsResult:
    return types.ListRootsResult(roots=[types.Root(uri="file:///srv/a"), types.Root(uri="file:///srv/b")])


async def main(url: str, *prefixes: str) -> dict:
    callbacks = {"elicitation_callback": elicited, "sampling_callback": sampled, "list_roots_callback": rooted}
    async with streamablehttp_client(url) as (read, write, _):
        async with ClientSession(read, write, **callbacks) as session:
            met = await session.initialize()
            seen = {"version": met.protocolVersion}
            for prefix in prefixes:
                said = [await session.call_tool(f"{prefix}__{tool}", {}) for tool in ("who", "line", "where")]
                seen[prefix] = [answer.content[0].text for answer in said]
            return seen


print(json.dumps(asyncio.run(main(*sys.argv[1:]))))

"""Asks an origin over HTTP/3 with aioquic: PORT NAME CA_FILE. Prints one JSON object of what it saw."""

import asyncio
import json
import sys

from aioquic.asyncio.client import connect
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import StreamReset

MODERN = "2026-07-28"


class Client(QuicConnectionProtocol):
    def __init__(self, *arguments, **named):
        super().__init__(*arguments, **named)
        self.http = H3Connection(self._quic)
        self.answers = {}

    def quic_event_received(self, event):
        if isinstance(event, StreamReset) and event.stream_id in self.answers:
            self.answers[event.stream_id][2].set_exception(RuntimeError(f"reset {event.error_code}"))
        for seen in self.http.handle_event(event):
            if not isinstance(seen, (DataReceived, HeadersReceived)):
                continue
            answer = self.answers.get(seen.stream_id)
            if answer is None:
                continue
            if isinstance(seen, HeadersReceived):
                answer[0].update(seen.headers)
            else:
                answer[1].append(seen.data)
            if seen.stream_ended:
                answer[2].set_result(None)

    async def ask(self, method, path, name, fields=(), body=b""):
        stream = self._quic.get_next_available_stream_id()
        done = asyncio.get_running_loop().create_future()
        self.answers[stream] = ({}, [], done)
        head = [(":method", method), (":scheme", "https"), (":authority", name), (":path", path)]
        head += [(key, value) for key, value in fields]
        if body:
            head.append(("content-length", str(len(body))))
        encoded = [(key.encode(), value.encode()) for key, value in head]
        self.http.send_headers(stream, encoded, end_stream=not body)
        if body:
            self.http.send_data(stream, body, end_stream=True)
        self.transmit()
        await asyncio.wait_for(done, 20)
        fields, pieces, _ = self.answers.pop(stream)
        return int(fields[b":status"]), b"".join(pieces).decode()


def mcp_call():
    meta = {
        "io.modelcontextprotocol/protocolVersion": MODERN,
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    tool = "time__get_current_time"
    params = {"name": tool, "arguments": {"timezone": "UTC"}, "_meta": meta}
    fields = [
        ("content-type", "application/json"),
        ("accept", "application/json, text/event-stream"),
        ("mcp-protocol-version", MODERN),
        ("mcp-method", "tools/call"),
        ("mcp-name", tool),
    ]
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    return fields, json.dumps(call).encode()


async def tour(port, name, ca):
    configuration = QuicConfiguration(is_client=True, alpn_protocols=H3_ALPN, server_name=name)
    configuration.load_verify_locations(ca)
    async with connect("127.0.0.1", port, configuration=configuration, create_protocol=Client) as client:
        authority = f"{name}:{port}"
        large = json.dumps({"tool": "none", "pad": "x" * 100_000}).encode()
        fields = [("content-type", "application/json")]
        seen = {
            "get": await client.ask("GET", "/healthz", authority),
            "post": await client.ask("POST", "/call-tool", authority, fields, large),
            "events": await client.ask("GET", "/mcp/sse?interval_ms=20&count=3", authority),
        }
        fields, body = mcp_call()
        seen["call"] = await client.ask("POST", "/mcp", authority, fields, body)
        return seen


print(json.dumps(asyncio.run(tour(int(sys.argv[1]), sys.argv[2], sys.argv[3]))))

"""What the servers of Python answer in `bench origin`: one text, a stream of events, and a stream that is silent."""

import asyncio
import os
import pathlib

TEXT = pathlib.Path(os.environ["BENCH_TEXT"]).read_bytes()
EVENT = b'event: token\ndata: {"index":0,"token":"nothing "}\n\n'
EVENTS = int(os.environ["BENCH_EVENTS"])


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    path = scope["path"]
    if path == "/text":
        length = str(len(TEXT)).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", length)]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": TEXT})
        return
    headers = [(b"content-type", b"text/event-stream")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    if path == "/events":
        for _ in range(EVENTS):
            await send({"type": "http.response.body", "body": EVENT, "more_body": True})
    else:
        await send({"type": "http.response.body", "body": EVENT, "more_body": True})
        while (await receive())["type"] != "http.disconnect":
            pass
        return
    await send({"type": "http.response.body", "body": b""})

"""A stdio MCP server whose tools answer raw text, so that a test sees which bytes went through. Standard library only."""
import json, os, sys

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer", "maximum": 9}}, "required": ["n"]}
TOOLS = {
    "given": {"type": "object"},
    "checked": SCHEMA,
    "unusable": {"$ref": "https://example.com/schema.json"},
    "fail": {}, "refuse": {}, "invalid": {}, "hang": {}, "die": {}, "odd": {}, "asks": {}, "steps": {}, "cancelled": {},
}
cancelled = []


def send(text):
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def result(id, text):
    send('{"jsonrpc":"2.0","id":%s,"result":%s}' % (id, text))


def error(id, code):
    send('{"jsonrpc":"2.0","id":%s,"error":{"code":%s,"message":"no","data":[1.0]}}' % (id, code))


def call(id, params, line):
    name = params["name"]
    if name == "given":
        result(id, '{"content": [],"n":1.50e3,"big":123456789012345678901,"line":%s}' % json.dumps(line))
    elif name == "fail":
        result(id, '{"content":[{"type":"text","text":"the disk is full"}],"isError":true}')
    elif name == "refuse":
        error(id, -7)
    elif name == "invalid":
        error(id, -32602)
    elif name == "hang":
        pass
    elif name == "die":
        os._exit(3)
    elif name == "odd":
        result(id, '"text"')
    elif name == "asks":
        result(id, '{"resultType":"input_required","inputRequests":{}}')
    elif name == "cancelled":
        result(id, '{"content":[],"cancelled":%d}' % len(cancelled))
    elif name == "steps":
        token = json.dumps(params.get("_meta", {}).get("progressToken"))
        for step in (1, 2):
            send('{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":%s,"progress":%d.0,"message":"m"}}' % (token, step))
        result(id, '{"content":[]}')
    else:
        result(id, '{"content":[]}')


for line in sys.stdin:
    message = json.loads(line)
    method = message.get("method")
    if method == "initialize":
        result(message["id"], '{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"s","version":"1"}}')
    elif method == "tools/list":
        tools = ['{"name":"%s","title":"T","inputSchema":%s,"annotations":{"readOnlyHint":true},"x":1.0}' % (n, json.dumps(s)) for n, s in TOOLS.items()]
        result(message["id"], '{"tools":[%s]}' % ",".join(tools))
    elif method == "tools/call":
        call(message["id"], message["params"], line.strip())
    elif method == "notifications/cancelled":
        cancelled.append(message["params"]["requestId"])
    elif "id" in message:
        error(message["id"], -32601)

"""A stdio MCP server that behaves, and misbehaves when it is asked to. Standard library only.

Arguments: silent (never answers), dead (ends at once), modern (of 2026-07-28 alone), pinned (to
the era of its first message), strict (ends when that is not `initialize`).
"""
import json, os, sys, threading, time

MODE = sys.argv[1:]
TOOLS = ["echo", "slow", "hang", "cancelled", "die", "grow", "pid", "env", "refuse", "ask", "progress", "subscribed"]
LOCK = threading.Lock()
cancelled = []
asked = {}
subscribed = []


def send(message):
    with LOCK:
        sys.stdout.write(json.dumps(message) + "\n")
        sys.stdout.flush()


def answer(id, result):
    send({"jsonrpc": "2.0", "id": id, "result": result})


def later(id):
    time.sleep(0.3)
    answer(id, "slow")


def refuse(id, code):
    send({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": "not here"}})


def rounds(id, params):
    if "inputResponses" in params:
        answer(id, {"resultType": "complete", "got": params["inputResponses"], "state": params["requestState"]})
    else:
        question = {"method": "sampling/createMessage", "params": {"n": 1}}
        answer(id, {"resultType": "input_required", "inputRequests": {"q": question}, "requestState": "s"})


def discover(id):
    info = {"io.modelcontextprotocol/serverInfo": {"name": "hostile", "version": "1"}}
    answer(id, {"supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}}, "resultType": "complete", "_meta": info})


def call(id, params):
    name = params["name"]
    if name == "slow":
        threading.Thread(target=later, args=(id,), daemon=True).start()
    elif name == "hang":
        pass
    elif name == "cancelled":
        answer(id, len(cancelled))
    elif name == "die":
        sys.stderr.write("my last words\n")
        os._exit(3)
    elif name == "grow":
        TOOLS.append("grown")
        send({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"})
        answer(id, "grown")
    elif name == "pid":
        answer(id, os.getpid())
    elif name == "subscribed":
        answer(id, subscribed)
    elif name == "env":
        answer(id, dict(os.environ))
    elif name == "ask" and ERA == "modern":
        rounds(id, params)
    elif name == "ask":
        asked[str(id)] = id
        send({"jsonrpc": "2.0", "id": str(id), "method": "sampling/createMessage", "params": {"n": 1}})
    elif name == "progress":
        token = params["_meta"]["progressToken"]
        for step in (1, 2):
            send({"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progressToken": token, "progress": step}})
        answer(id, "done")
    elif name == "refuse":
        send({"jsonrpc": "2.0", "id": id, "error": {"code": -7, "message": "no"}})
    else:
        answer(id, params.get("arguments"))


# Of which era this process is: fixed, or that of its first message.
ERA = "modern" if "modern" in MODE else None if "pinned" in MODE else "legacy"
if "dead" in MODE:
    sys.exit("nothing to serve here")
for line in sys.stdin:
    message = json.loads(line)
    method = message.get("method")
    if "silent" in MODE:
        continue
    if "strict" in MODE and method != "initialize":
        sys.exit("the first message must be `initialize`")
    MODE = [mode for mode in MODE if mode != "strict"]
    ERA = ERA or ("modern" if method == "server/discover" else "legacy")
    if ERA == "modern" and method == "server/discover":
        discover(message["id"])
        continue
    if ERA == "modern" and method == "initialize":
        refuse(message["id"], -32022)
        continue
    if method == "initialize":
        capabilities = {"tools": {"listChanged": True}}
        info = {"name": "hostile", "version": "1"}
        answer(message["id"], {"protocolVersion": "2025-11-25", "capabilities": capabilities, "serverInfo": info})
    elif method == "tools/list":
        answer(message["id"], {"tools": [{"name": name, "inputSchema": {"type": "object"}} for name in TOOLS]})
    elif method == "tools/call":
        call(message["id"], message["params"])
    elif method == "notifications/cancelled":
        cancelled.append(message["params"]["requestId"])
    elif method in ("resources/subscribe", "resources/unsubscribe"):
        subscribed.append([method, message["params"]["uri"]])
        answer(message["id"], {})
    elif method is None and message["id"] in asked:
        answer(asked.pop(message["id"]), message.get("result"))

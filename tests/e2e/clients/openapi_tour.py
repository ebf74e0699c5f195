"""Judges an OpenAPI document with openapi-spec-validator and calls a tool with the client that aiopenapi3 makes from it.

Argument: the URL of the document. The answer is one JSON object on standard output.
"""
import json
import ssl
import sys
import urllib.request

from aiopenapi3 import OpenAPI
from openapi_spec_validator import validate

url = sys.argv[1]
with urllib.request.urlopen(url, context=ssl.create_default_context()) as answer:
    validate(json.load(answer))
api = OpenAPI.load_sync(url)
body = {"tool": "time__get_current_time", "arguments": {"timezone": "UTC"}}
envelope = api._.callTool(data=body)
data = envelope.data.model_dump() if hasattr(envelope.data, "model_dump") else envelope.data
print(json.dumps({"valid": True, "success": envelope.success, "text": json.dumps(data)}))

"""A TLS server that is nobody's of this project: says which site it is, and who its client is.

tls_site.py NAME CHAIN KEY [proxy]: with `proxy` each connection has to begin with a PROXY header of version 1.
Prints its port, and serves until it is killed.
"""

import json
import socket
import ssl
import sys
import threading

name, chain, key = sys.argv[1:4]
takes_header = sys.argv[4:] == ["proxy"]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(chain, key)


def client_of(connection):
    """The address that the header names; fails where there is none."""
    header = b""
    while not header.endswith(b"\r\n"):
        byte = connection.recv(1)
        if not byte or not b"PROXY TCP".startswith((header + byte)[:9]):
            raise ValueError("no PROXY header")
        header += byte
    words = header.decode().split()
    return f"{words[2]}:{words[4]}"


def serve(connection, peer):
    try:
        connection.settimeout(10)
        client = client_of(connection) if takes_header else "%s:%d" % peer
        with context.wrap_socket(connection, server_side=True) as secure:
            while b"\r\n\r\n" not in (request := secure.recv(65536)):
                if not request:
                    return
            body = json.dumps({"site": name, "client": client}).encode()
            head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
            secure.sendall(head.encode() + body)
    except (OSError, ValueError):
        pass
    finally:
        connection.close()


listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
while True:
    threading.Thread(target=serve, args=listener.accept(), daemon=True).start()

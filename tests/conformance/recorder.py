"""A proxy on loopback that passes requests on to one server and keeps them: to compare what two clients send."""

import contextlib
import http.client
import http.server
import json
import re
import threading
import time
import urllib.parse

HOP = ("connection", "transfer-encoding", "content-length", "host", "date")


class Seen:
    """One request: method, path, query and body as they mean, not as they are spelled."""

    def __init__(self, method, target, headers, body):
        parts = urllib.parse.urlsplit(target)
        self.at = time.monotonic()
        self.method = method
        self.path = urllib.parse.unquote(parts.path)
        self.query = urllib.parse.parse_qs(parts.query)
        self.headers = {k.lower(): v for k, v in headers.items()}
        self.raw = body
        kind = self.headers.get("content-type", "")
        if "form-urlencoded" in kind:
            self.body = {k: v[0] for k, v in urllib.parse.parse_qs(body.decode(), keep_blank_values=True).items()}
        elif "json" in kind and body:
            self.body = json.loads(body)
        else:
            self.body = body.decode(errors="replace")

    def __repr__(self):
        return f"{self.method} {self.path} {self.query or ''}"


def operation(seen):
    """The name of its GraphQL operation, or "anonymous"; "file_stream"; "PUT" or "GET" of a file; None: telemetry."""
    if seen.path == "/graphql":
        return re.search(r"\b(?:query|mutation)\s+(\w+)|$", seen.body["query"]).group(1) or "anonymous"
    if seen.path.endswith("/file_stream"):
        return "file_stream"
    return seen.method if seen.method in ("PUT", "GET") else None


class Recorder:
    """Also answers "host" from inside key files: the server behind it sees the recorder's own Host header.

    hide: header fields of replies that are left out; edit(seen, data): the reply's body as the client is to get it.
    """

    def __init__(self, target, hide=(), edit=None):
        self.target = urllib.parse.urlsplit(target).netloc
        self.seen = []
        self.is_down = False  # then requests come, and no answers
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                seen = Seen(self.command, self.path, self.headers, body)
                outer.seen.append(seen)
                if outer.is_down:
                    self.close_connection = True
                    return
                behind = http.client.HTTPConnection(outer.target, timeout=20)
                try:
                    behind.request(self.command, self.path, body or None, dict(self.headers.items()))
                    reply = behind.getresponse()
                    data = reply.read()
                finally:
                    behind.close()
                if edit:
                    data = edit(seen, data)
                self.send_response(reply.status)
                for name, value in reply.getheaders():
                    if name.lower() not in HOP and name.lower() not in hide:
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                with contextlib.suppress(ConnectionError):
                    self.wfile.write(data)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.host = f"127.0.0.1:{self.server.server_port}"
        self.url = "http://" + self.host
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.thread.start()

    def take(self):
        """What came since the last time."""
        seen, self.seen = self.seen, []
        return seen

    def close(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

"""Between an agent and what it talks to: names each request, and may let something happen before it or behind its answer."""

import contextlib
import http.client
import http.server
import json
import re
import threading

HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}


def name_of(method, path, body):
    """What a request asks for, without what differs from run to run."""
    path = path.partition("?")[0]
    if path == "/graphql":
        return re.search(r"(?:query|mutation)\s+(\w+)", json.loads(body)["query"]).group(1)
    path = re.sub(r"^/v1(beta1)?/projects/[^/]+/locations/[^/]+/", "", path)
    path = re.sub(r"(?<=customJobs/)\d+", "JOB", path)
    return f"{method} {re.sub(r'^/files/.*/file_stream$', 'file_stream', path)}"


class Proxy:
    """Forwards to `backend` (a URL, which may change). `seen` has the requests in order, as (name, how often so far).

    on(name, nth, when, act): act() once, when="before" the request is forwarded, or "after" the answer is there. Then the connection is
    closed without an answer, unless act() returned True: then all goes on."""

    def __init__(self, backend):
        self.backend = backend
        self.seen = []
        self.lock = threading.Lock()
        self.plan = None
        self.done = threading.Event()
        proxy = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                with contextlib.suppress(OSError, http.client.HTTPException):
                    if proxy.pass_on(self):
                        return
                self.close_connection = True

            do_GET = do_PUT = do_DELETE = do_PATCH = do_POST

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False  # a long poll may be open
            request_queue_size = 64

            def handle_error(self, *_):  # a killed client
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self.thread.start()

    def on(self, name, nth, when, act):
        self.plan = (name, nth, when, act)

    def cuts(self, request, when):
        """Does what was planned, if it is its time. Is the connection to end here?"""
        if not self.plan or (*request, when) != self.plan[:3]:
            return False
        goes_on = self.plan[3]()
        self.done.set()
        return not goes_on

    def note(self, name):
        with self.lock:
            request = (name, 1 + sum(name == n for n, _ in self.seen))
            self.seen.append(request)
            return request

    def pass_on(self, client):
        """One request and its answer; False: the connection is to end without one."""
        body = client.rfile.read(int(client.headers.get("Content-Length") or 0))
        request = self.note(name_of(client.command, client.path, body))
        if self.cuts(request, "before"):
            return False
        backend = http.client.HTTPConnection(self.backend.removeprefix("http://"), timeout=60)
        with contextlib.closing(backend):
            backend.request(client.command, client.path, body, {k: v for k, v in client.headers.items() if k.lower() not in HOP_BY_HOP})
            answer = backend.getresponse()
            data = answer.read()
        if self.cuts(request, "after"):
            return False
        client.send_response_only(answer.status, answer.reason)
        for k, v in answer.getheaders():
            if k.lower() not in HOP_BY_HOP:
                client.send_header(k, v)
        client.send_header("Content-Length", str(len(data)))
        client.end_headers()
        client.wfile.write(data)
        return True

    def close(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

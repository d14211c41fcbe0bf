"""What a Python program does with Application Default Credentials: a token, and one call with it. Prints both as JSON."""

import json
import sys

import google.auth
import google.auth.transport.requests

credentials, project = google.auth.default(scopes=["https://www.googleapis.com/auth/cloud-platform"])
credentials.refresh(google.auth.transport.requests.Request())
reply = google.auth.transport.requests.AuthorizedSession(credentials).get(sys.argv[1])
print(json.dumps({"token": credentials.token, "project": project, "status": reply.status_code, "body": reply.json()}))

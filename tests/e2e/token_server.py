#!/usr/bin/env python3
"""A token server on 127.0.0.1, as registries with Bearer authentication name one.

    token_server.py FOLDER      serves until it is killed; its address is then in FOLDER/address

FOLDER/key.pem signs, FOLDER/cert.pem is who signs: docker-registry's `rootcertbundle`. user with the password s3cret may do
everything, whoever gives nothing may pull what begins with public/. Who logs in (offline_token=true) gets an identity token.
FOLDER/requests has a line for each request: METHOD WHO SCOPE... ; FOLDER/settings, JSON that is read anew for each request:
{"audience": "other", "grant": ["pull"], "status": 503, "body": "...", "life": 300, "only_access_token": true}.
"""

import base64
import json
import subprocess
import sys
import time
import urllib.parse
import uuid
from pathlib import Path

sys.dont_write_bytecode = True

import local_server

PASSWORD, IDENTITY = "s3cret", "identity-t0ken"
JSON = {"Content-Type": "application/json"}


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Handler(local_server.Handler):
    def do_GET(self):
        query = urllib.parse.parse_qs(urllib.parse.urlparse(self.path).query)
        kind, _, value = self.headers.get("Authorization", "").partition(" ")
        name, _, password = base64.b64decode(value).decode().partition(":") if kind == "Basic" else ("", "", "")
        who = "nobody" if not kind else name if password == PASSWORD else None
        self.answer("GET", who, query.get("scope", []), query.get("service", [""])[0], "offline_token" in query)

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        form = {name: values[0] for name, values in urllib.parse.parse_qs(body).items()}
        known = form.get("grant_type") == "refresh_token" and form.get("refresh_token") == IDENTITY
        self.answer("POST", "user" if known else None, form.get("scope", "").split(), form.get("service", ""), False)

    def answer(self, method: str, who: str | None, scopes: list[str], service: str, wants_identity: bool):
        with (self.folder / "requests").open("a", encoding="utf-8") as log:
            log.write(" ".join([method, who or "stranger", *sorted(scopes)]) + "\n")
        path = self.folder / "settings"
        settings = json.loads(path.read_text()) if path.exists() else {}
        if "status" in settings:
            return self.reply(settings["status"], JSON, settings.get("body", "").encode())
        if who is None:
            return self.reply(401, JSON, b'{"errors":[{"code":"UNAUTHORIZED","message":"unknown to the token server"}]}')
        token = self.token(who, scopes, settings.get("audience", service), settings)
        reply = {"access_token" if settings.get("only_access_token") else "token": token, "expires_in": settings.get("life", 300)}
        if wants_identity and who == "user":
            reply["refresh_token"] = IDENTITY
        return self.reply(200, JSON, json.dumps(reply).encode())

    def token(self, who: str, scopes: list[str], audience: str, settings: dict) -> str:
        access = []
        for scope in scopes:
            kind, name, actions = scope.rsplit(":", 2) if scope.count(":") > 1 else (scope, "", "")
            allowed = settings.get("grant", ["pull", "push", "delete", "*"] if who == "user" else ["pull"])
            granted = [action for action in actions.split(",") if action in allowed and (who == "user" or name.startswith("public/"))]
            access.append({"type": kind, "name": name, "actions": granted})
        now = int(time.time())
        certificate = subprocess.run(
            ["openssl", "x509", "-in", self.folder / "cert.pem", "-outform", "DER"], check=True, capture_output=True
        ).stdout
        head = {"typ": "JWT", "alg": "RS256", "x5c": [base64.b64encode(certificate).decode()]}
        claims = {
            "iss": "tests", "sub": who, "aud": audience, "exp": now + settings.get("valid", 300), "nbf": now - 10, "iat": now,
            "jti": uuid.uuid4().hex, "access": access,
        }
        text = f"{encoded(json.dumps(head).encode())}.{encoded(json.dumps(claims).encode())}"
        signed = subprocess.run(
            ["openssl", "dgst", "-sha256", "-sign", self.folder / "key.pem"], check=True, input=text.encode(), capture_output=True
        ).stdout
        return f"{text}.{encoded(signed)}"


if __name__ == "__main__":
    local_server.serve(Handler, Path(sys.argv[1]))

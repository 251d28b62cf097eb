"""Somebody who comes through a proxy by HTTP: from an address of his own, with the cookies that he was given."""

import http.client
import json
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlencode

from .proxies import NAME, Proxy, trusting

ADDRESS = "127.0.0.77"


@dataclass
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Visitor:
    proxy: Proxy
    scheme: str = "https"
    address: str = ADDRESS
    cookies: dict[str, str] = field(default_factory=dict)

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        """Of a connection of its own, so that nobody keeps him at one host. `headers` have `_` for `-`."""
        port = self.proxy.port(self.scheme)
        options: dict[str, Any] = {"timeout": 30, "source_address": (self.address, 0)}
        connection = (
            http.client.HTTPSConnection("127.0.0.1", port, context=trusting(self.proxy.folder), **options)
            if self.scheme == "https"
            else http.client.HTTPConnection("127.0.0.1", port, **options)
        )
        sent = {"Host": f"{NAME}:{port}", "Connection": "close"}
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            connection.request(method, path, body, sent)
            response = connection.getresponse()
            answer = Answer(response.status, response.headers, response.read())
        finally:
            connection.close()
        for line in answer.headers.get_all("Set-Cookie", []):
            self.cookies |= {name: morsel.value for name, morsel in SimpleCookie(line).items()}
        return answer

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, None, **headers)

    def sign_in(self, username: str, password: str, **headers: str) -> Answer:
        """As the form does it."""
        if "csrftoken" not in self.cookies:
            assert self.get("/accounts/login/").status == 200
        form = {"login": username, "password": password, "csrfmiddlewaretoken": self.cookies["csrftoken"]}
        origin = self.proxy.origin(self.scheme)
        return self.ask(
            "POST",
            "/accounts/login/",
            urlencode(form).encode(),
            Content_Type="application/x-www-form-urlencoded",
            Origin=origin,
            Referer=f"{origin}/accounts/login/",
            **headers,
        )

"""What comes through the shipped proxies: pages, REST, sockets, and from where."""

import re
from typing import Any

import pytest
from redis import Redis

from tests.path.client import StreamClient

from .conftest import PASSWORD
from .desk import open_socket
from .proxies import KINDS, NAME
from .site import Site
from .visitor import ADDRESS, Visitor

pytestmark = [pytest.mark.chaos, pytest.mark.asyncio(loop_scope="package")]

FORGED = "198.51.100.66"
LIES: dict[str, str] = {
    "X_Forwarded_For": f"{FORGED}, 203.0.113.1",
    "X_Forwarded_Proto": "https",
    "X_Forwarded_Host": "evil.example",
    "X_Real_IP": FORGED,
    "Forwarded": f"for={FORGED};proto=https;host=evil.example",
}


@pytest.mark.parametrize("scheme", ["https", "http"])
@pytest.mark.parametrize("kind", KINDS)
async def test_one_signs_in_and_is_known_on_every_host(site: Site, kind: str, scheme: str) -> None:
    visitor = Visitor(site.proxy(kind), scheme)
    username = site.stack.users[3].username
    # More than there are hosts: nobody is kept at one.
    sent = visitor.get("/")
    assert (sent.status, sent.headers["Location"]) == (302, "/accounts/login/?next=/")
    signed_in = visitor.sign_in(username, PASSWORD, **LIES)
    assert (signed_in.status, signed_in.headers["Location"]) == (302, "/")
    answers = [visitor.get("/api/v1/me/") for _ in range(6)]
    assert [answer.json()["username"] for answer in answers] == [username] * 6
    page = visitor.get("/")
    assert page.status == 200
    # The socket's address is the site's own, by the proxy's scheme.
    own = visitor.proxy.origin(scheme).replace("http", "ws")
    assert f"connect-src 'self' {own};" in page.headers["Content-Security-Policy"]
    cookies = f"sessionid={visitor.cookies['sessionid']}"
    client = StreamClient(await open_socket(visitor.proxy, scheme, cookies))
    assert (await client.message("welcome"))["user"] == username
    await client.aclose()
    ((address,),) = site.database(
        "SELECT DISTINCT address FROM accounts_signinattempt WHERE name = ? AND outcome = 'ok'", username
    )
    assert address == ADDRESS


@pytest.mark.parametrize("kind", KINDS)
async def test_a_socket_is_opened_by_pages_of_the_site_alone(site: Site, kind: str) -> None:
    proxy, user = site.proxy(kind), site.stack.users[2]

    async def said(scheme: str, origin: str, **headers: str) -> dict[str, Any]:
        client = StreamClient(await open_socket(proxy, scheme, f"sessionid={user.session}", origin, **headers))
        await client.until(client.has_heard)
        first = client.messages[0]
        await client.aclose()
        return first

    for scheme, other in (("https", "http"), ("http", "https")):
        assert (await said(scheme, proxy.origin(scheme)))["op"] == "welcome"
        wrong = [proxy.origin(other), f"{scheme}://{NAME}", f"{scheme}://evil.example:{proxy.port(scheme)}", "null"]
        for origin in wrong:
            assert (await said(scheme, origin))["code"] == 4403, (scheme, origin)
    # Nor does it help to say that one came by https.
    port = proxy.port("http")
    assert (await said("http", f"https://{NAME}:{port}", **LIES))["code"] == 4403


@pytest.mark.parametrize("kind", KINDS)
async def test_an_address_cannot_be_made_up(site: Site, kind: str, redis: Redis) -> None:
    proxy, user = site.proxy(kind), site.stack.users[2]
    address = {"nginx": "127.0.0.101", "haproxy": "127.0.0.102"}[kind]
    client = StreamClient(await open_socket(proxy, "https", f"sessionid={user.session}", address=address, **LIES))
    await client.message("welcome")

    def shown() -> str:
        return str([redis.get(key) for key in redis.keys("stack:sockets:*")])

    await site.until(lambda: address in shown(), 5, "the socket in what administrators see")
    assert FORGED not in shown()
    await client.aclose()


async def test_guesses_count_for_the_address_that_they_come_from(site: Site) -> None:
    """Whatever each says of its own, and through whichever proxy."""
    visitors = [Visitor(proxy, address="127.0.0.103") for proxy in site.proxies]
    username = site.stack.users[4].username
    guesses = [
        visitors[number % 2].sign_in(username, "wrong", **{**LIES, "X_Forwarded_For": f"203.0.113.{number}"}).status
        for number in range(6)
    ]
    assert guesses == [200] * 5 + [429]
    found = site.database("SELECT DISTINCT address FROM accounts_signinattempt WHERE name = ?", username)
    assert found == [("127.0.0.103",)]
    # And for nobody else.
    assert Visitor(site.proxies[0], address="127.0.0.104").sign_in(username, PASSWORD).status == 302


@pytest.fixture
def redis(site: Site) -> Any:
    with Redis.from_url(site.stack.valkey.url, socket_timeout=5) as client:
        yield client


@pytest.mark.parametrize("kind", KINDS)
async def test_files_are_kept_for_ever_and_errors_are_our_own(site: Site, kind: str) -> None:
    visitor = Visitor(site.proxy(kind), cookies={"sessionid": site.stack.users[2].session})
    found = re.search(r"/static/build/[^\"]+\.js", visitor.get("/").body.decode())
    assert found
    file = visitor.get(found[0], Accept_Encoding="gzip")
    assert file.headers["Cache-Control"] == "max-age=315360000, public, immutable"
    assert file.headers["Content-Encoding"] == "gzip"
    assert file.headers["X-Content-Type-Options"] == "nosniff"
    # Within what the proxy lets through, our own answer tells why.
    token = f"Bearer {site.stack.users[2].token}"
    large = visitor.ask(
        "POST", "/api/v1/watchlists/", b" " * 300_000, Authorization=token, Content_Type="application/json"
    )
    assert (large.status, large.json()["status"]) == (413, 413)
    # The site answers to its own name.
    assert visitor.get("/accounts/login/", Host="evil.example").status == 400


async def test_a_users_sockets_are_counted_over_all_hosts(site: Site) -> None:
    user = site.stack.users[2]
    opened = []
    for index in range(33):
        proxy = site.proxies[index % 2]
        client = StreamClient(await open_socket(proxy, "https", f"sessionid={user.session}"))
        await client.message("welcome")
        opened.append(client)
    await site.until(lambda: any(client.closed for client in opened), 5 * site.factor, "one that gives way")
    assert [client.closed[0] for client in opened if client.closed] == [4429]
    for client in opened:
        await client.aclose()

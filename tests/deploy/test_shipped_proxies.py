"""What the shipped nginx and HAProxy do with hosts that are told how to behave."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from tests.valkey import free_port

from .proxies import KINDS, Kind, Proxy, missing, start_proxy
from .stub_host import HANG_UP, StubHost, stub_host
from .visitor import Visitor

pytestmark = pytest.mark.skipif(bool(missing()), reason=f"{missing()} not installed on this machine")

NEW_FILE = "/static/build/app.0123456789ab.js"


@contextmanager
def running(kind: Kind, hosts: list[str], **options: object) -> Iterator[Proxy]:
    proxy = start_proxy(kind, hosts, **options)  # type: ignore[arg-type]
    try:
        yield proxy
    finally:
        proxy.stop()


@pytest.fixture
def hosts() -> Iterator[list[StubHost]]:
    with ExitStack() as started:
        yield [started.enter_context(stub_host()) for _ in range(2)]


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_that_only_one_host_has_yet_is_found(kind: Kind, hosts: list[StubHost]) -> None:
    hosts[0].statuses[NEW_FILE] = hosts[0].statuses["/page/"] = 404
    with running(kind, [host.address for host in hosts]) as proxy:
        visitor = Visitor(proxy)
        assert [visitor.get(NEW_FILE).status for _ in range(6)] == [200] * 6
        # Whatever is no file is not asked for again elsewhere.
        assert {visitor.get("/page/").status for _ in range(6)} == {200, 404}
        hosts[1].statuses[NEW_FILE] = 404
        assert visitor.get(NEW_FILE).status == 404
    assert hosts[0].asked[NEW_FILE] > 0


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_dead_host_did_not_take_goes_to_another(kind: Kind, hosts: list[StubHost]) -> None:
    addresses = [f"127.0.0.1:{free_port()}", hosts[0].address]
    with running(kind, addresses) as proxy:
        visitor = Visitor(proxy)
        asked = [visitor.ask(method, "/page/", b"x").status for _ in range(5) for method in ("GET", "POST")]
        assert asked == [200] * 10


@pytest.mark.parametrize("kind", KINDS)
def test_without_the_second_try_some_are_turned_away(kind: Kind, hosts: list[StubHost]) -> None:
    """The control of the test above."""

    def changed(text: str) -> str:
        if kind == "nginx":
            return text.replace("proxy_next_upstream error timeout;", "proxy_next_upstream off;").replace(
                "max_fails=1", "max_fails=0"
            )
        # Nor does it look after the dead one: it asks the other in its place.
        own = text.replace("default-server inter", f"default-server port {hosts[0].server_port} inter")
        return own.replace("retries 2", "retries 0")

    with running(kind, [f"127.0.0.1:{free_port()}", hosts[0].address], changed=changed) as proxy:
        asked = [Visitor(proxy).get("/page/").status for _ in range(8)]
        assert set(asked) > {200}
        assert {status for status in asked if status != 200} <= {502, 503}


@pytest.mark.parametrize("kind", KINDS)
def test_what_changes_something_is_not_repeated(kind: Kind) -> None:
    """A host that dies with a request in its hands may have done what it was asked for."""
    with ExitStack() as started:
        hosts = [started.enter_context(stub_host()) for _ in range(2)]
        for host in hosts:
            host.statuses["/page/"] = HANG_UP
        with running(kind, [host.address for host in hosts]) as proxy:
            assert Visitor(proxy).ask("POST", "/page/", b"x").status == 502
            assert sum(host.asked["/page/"] for host in hosts) == 1


def test_haproxy_leaves_out_a_host_that_is_not_ready_and_uses_all_where_none_is(hosts: list[StubHost]) -> None:
    with running("haproxy", [host.address for host in hosts]) as proxy:
        hosts[0].statuses["/readyz"] = 503
        took = proxy.wait_until(lambda states: states["web1"] == "DOWN", 6)
        print(f"out after {took:.1f} s")
        before = hosts[0].asked["/page/"]
        assert [Visitor(proxy).get("/page/").status for _ in range(4)] == [200] * 4
        assert hosts[0].asked["/page/"] == before
        hosts[1].statuses["/readyz"] = 503
        proxy.wait_until(lambda states: set(states.values()) == {"DOWN"}, 6)
        assert [Visitor(proxy).get("/page/").status for _ in range(4)] == [200] * 4
        assert Visitor(proxy).get("/static/frontend/favicon.svg").status == 200


@pytest.mark.parametrize("kind", KINDS)
def test_bodies_are_bounded_and_health_is_for_those_who_look_after_hosts(kind: Kind, hosts: list[StubHost]) -> None:
    with running(kind, [host.address for host in hosts]) as proxy:
        visitor = Visitor(proxy)
        # By what is announced: they do not wait for it.
        for path, megabytes in (("/api/v1/watchlists/", 3), ("/admin/marketdata/coverage/import/", 18)):
            assert visitor.ask("POST", path, Content_Length=str(megabytes * 2**20)).status == 413
        assert [visitor.get(path).status for path in ("/healthz", "/readyz")] == [404, 404]
        assert set(hosts[0].asked + hosts[1].asked) <= {"/readyz"}  # HAProxy's own
        assert visitor.ask("POST", "/api/v1/watchlists/", bytes(2**20)).status == 200
        assert visitor.ask("POST", "/admin/marketdata/coverage/import/", bytes(16 * 2**20)).status == 200

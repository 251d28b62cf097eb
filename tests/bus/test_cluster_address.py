"""The address of a cluster says what is meant, or what is wrong with it, and never repeats a password."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from marketdata.bus.cluster_address import MOST_NODES, Node, parse
from project import environment


def test_nodes_are_named_by_commas() -> None:
    address = parse("redis+cluster://10.0.0.1:7001,rows-2.example:7002,[::1]:7003,rows-4")
    assert address.nodes == (
        Node("10.0.0.1", 7001),
        Node("rows-2.example", 7002),
        Node("::1", 7003),
        Node("rows-4", 6379),
    )
    assert [address.url(node) for node in address.nodes[1:3]] == [
        "redis://rows-2.example:7002/0",
        "redis://[::1]:7003/0",
    ]


def test_credentials_and_tls_go_to_every_node() -> None:
    address = parse("rediss+cluster://ann:p%40ss@one:1,two:2?ssl_ca_certs=/etc/ca.pem")
    assert address.url(Node("two", 2)) == "rediss://ann:p%40ss@two:2/0?ssl_ca_certs=/etc/ca.pem"


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("redis://:secret@one:1", "start with one of"),
        ("redis+cluster://:secret@one:1/3", "no databases"),
        ("redis+cluster://secret@one:1", "user:password"),
        ("redis+cluster://:secret@one:0", "host:port"),
        ("redis+cluster://:secret@one:65536", "host:port"),
        ("redis+cluster://:secret@one:1,", "host:port"),
        ("redis+cluster://", "host:port"),
        ("redis+cluster://:sec/ret@one:1", "%2F"),
        ("rediss+cluster://:secret@one:1?db=3", "no options but"),
        ("redis+cluster://:secret@one:1?ssl_ca_certs=x", "rediss"),
        ("redis+cluster://:secret@" + ",".join(f"n{i}:1" for i in range(MOST_NODES + 1)), "more than"),
    ],
)
def test_what_is_wrong_is_said_without_the_password(url: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match=said):
        parse(url)
    monkeypatch.setenv("ROWS_REDIS_URL", url)
    with pytest.raises(ImproperlyConfigured, match="ROWS_REDIS_URL cannot be used") as raised:
        environment.cluster("ROWS_REDIS_URL", "REDIS_URL", "redis://localhost")
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize("value", ["", "redis://localhost"])
def test_without_a_cluster_rows_are_where_all_the_rest_is(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROWS_REDIS_URL", value)
    assert environment.cluster("ROWS_REDIS_URL", "REDIS_URL", "redis://localhost") == ""

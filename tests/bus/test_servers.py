"""Addresses of Redis: what a URL of watched servers says, what sentinels answer, and which of their answers holds."""

import hiredis
import pytest

from marketdata.bus.servers import AddressError, Answer, Inquiry, Master, NoMasterError, Watched, newest, watched

OLD, NEW = Master("10.0.0.1", 6379, 1), Master("10.0.0.2", 6379, 2)


def service(url: str = "redis+sentinel://a:1,b,[::1]:3/desk") -> Watched:
    found = watched(url)
    assert found is not None
    return found


@pytest.mark.parametrize("url", ["redis://h:1/0", "rediss://h", "unix:///run/redis.sock?db=1"])
def test_one_server_is_not_watched(url: str) -> None:
    assert watched(url) is None


def test_sentinels_are_given_by_commas_each_with_a_port_or_the_usual_one() -> None:
    assert service().sentinels == (("a", 1), ("b", 26379), ("::1", 3))
    assert service().majority == 2


@pytest.mark.parametrize(
    ("url", "of_master"),
    [
        ("redis+sentinel://a/desk", "redis://10.0.0.2:6379/0"),
        ("redis+sentinel://:p%40ss@a/desk?db=3", "redis://:p%40ss@10.0.0.2:6379/3"),
        ("redis+sentinel://us%2Fer:pa:ss@a/desk", "redis://us%2Fer:pa%3Ass@10.0.0.2:6379/0"),
        ("rediss+sentinel://a/desk?ssl_ca_certs=/etc/ca.pem", "rediss://10.0.0.2:6379/0?ssl_ca_certs=%2Fetc%2Fca.pem"),
    ],
)
def test_the_masters_own_url_has_what_the_services_has(url: str, of_master: str) -> None:
    assert service(url).url(NEW) == of_master


def test_an_address_of_version_6_stands_in_brackets() -> None:
    assert service().url(Master("::1", 5, 0)) == "redis://[::1]:5/0"


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("redis+sentinel://a:1", "names no service"),
        ("redis+sentinel://a:1/", "names no service"),
        ("redis+sentinel://a:1/a b", "names no service"),
        ("redis+sentinel:///desk", "no host:port"),
        ("redis+sentinel://a,,b/desk", "no host:port"),
        ("redis+sentinel://a:x/desk", "no host:port"),
        ("redis+sentinel://a:65536/desk", "up to 65535"),
        ("redis+sentinel://a:0/desk", "up to 65535"),
        ("redis+sentinel://a,a:26379/desk", "names a sentinel twice"),
        (f"redis+sentinel://{','.join(f'h{n}' for n in range(10))}/desk", "more than 9 sentinels"),
        ("redis+sentinel://ann@a/desk", "user without a password"),
        ("redis+sentinel://ann:the-secret@a/desk?timeout=1", "it takes db, sentinel_user, sentinel_password;"),
        ("redis+sentinel://ann:the-secret@a/desk?ssl_ca_certs=x", "unknown"),
        ("redis+sentinel://ann:the-secret@a/desk?db=x", "db that is no whole number"),
        ("redis+sentinel://a/desk?sentinel_user=the-secret", "sentinel_user without"),
        ("redis+sentinel://ann:the-secret@a/b/desk", "cannot be read"),
        ("redis+sentinel://ann:the-secret@a/desk#x", "cannot be read"),
    ],
)
def test_a_url_that_cannot_be_is_refused_and_not_repeated(url: str, said: str) -> None:
    with pytest.raises(AddressError) as raised:
        watched(url)
    assert said in str(raised.value)
    assert "the-secret" not in str(raised.value)


def test_passwords_are_not_shown() -> None:
    assert "secret" not in repr(service("redis+sentinel://:secret@a/desk?sentinel_password=secret2"))


# ── Answers ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_latest_failover_counts_whoever_answers_first() -> None:
    assert newest(service(), [Answer(OLD, False), Answer(NEW, False)]) == NEW
    assert newest(service(), [Answer(NEW, False), Answer(OLD, False)]) == NEW


def test_a_master_that_one_sentinel_reaches_is_tried() -> None:
    assert newest(service(), [Answer(OLD, True), Answer(OLD, False)]) == OLD


def test_a_master_that_all_say_is_down_is_not_tried() -> None:
    with pytest.raises(NoMasterError, match=r"10\.0\.0\.2:6379, is down"):
        newest(service(), [Answer(OLD, False), Answer(NEW, True)])


def test_without_an_answer_what_was_wrong_is_said() -> None:
    with pytest.raises(NoMasterError, match=r"no sentinel of desk answers: a:1 refused; b:2 is silent"):
        newest(service(), [], ["a:1 refused", "b:2 is silent"])


def packed(*words: str) -> bytes:
    return bytes(hiredis.pack_command(words))  # type: ignore[arg-type]


def state(address: str = "10.0.0.1", flags: str = "master", epoch: str = "1") -> bytes:
    return packed("name", "desk", "ip", address, "port", "6379", "flags", flags, "config-epoch", epoch)


def test_an_answer_may_come_in_pieces() -> None:
    inquiry = Inquiry(service("redis+sentinel://a/desk?sentinel_password=x"))
    assert inquiry.text.startswith(packed("AUTH", "x"))
    *parts, last = [bytes([byte]) for byte in b"+OK\r\n" + packed("10.0.0.1", "6379") + state()]
    assert [inquiry.take(part) for part in parts] == [None] * len(parts)
    assert inquiry.take(last) == Answer(OLD, False)


@pytest.mark.parametrize(
    ("flags", "down"), [("master", False), ("s_down,master", True), ("s_down,o_down,master", True)]
)
def test_a_sentinel_says_that_the_master_is_down(flags: str, down: bool) -> None:
    assert Inquiry(service()).take(packed("10.0.0.1", "6379") + state(flags=flags)) == Answer(OLD, down)


def test_who_leads_the_failover_names_the_new_master_while_its_state_is_of_the_old_one() -> None:
    text = packed("10.0.0.2", "6379") + state("10.0.0.1", "s_down,o_down,master,failover_in_progress", "2")
    assert Inquiry(service()).take(text) == Answer(NEW, False)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", "closed"),
        (b"*-1\r\n", "knows no service desk"),
        (b"-ERR No such master with that name\r\n", "No such master"),
        (b"-NOAUTH Authentication required.\r\n", "NOAUTH"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "answers as no sentinel does"),
        (packed("10.0.0.1"), "answers as no sentinel does"),
        (packed("10.0.0.1", "6379") + packed("flags", "master"), "answers as no sentinel does"),
        (packed("10.0.0.1", "6379") + packed("flags"), "answers as no sentinel does"),
    ],
)
def test_what_is_no_answer_is_one_error(text: bytes, said: str) -> None:
    with pytest.raises(NoMasterError, match=said):
        Inquiry(service()).take(text)

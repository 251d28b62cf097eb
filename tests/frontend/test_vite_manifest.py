"""Which files a page names, and what is said where there are none."""

import json
import os
import re
from pathlib import Path

import pytest
from django.core.management import call_command
from pytest_django import Settings

from frontend.checks import front_end_is_built
from frontend.vite_manifest import HOW_TO_BUILD, NotBuiltError, built


def test_an_entry_names_its_script_and_its_styles(build: Path) -> None:
    files = built("src/main.tsx")
    assert files.scripts == ("build/app.0123456789ab.js",)
    assert files.styles == ("build/app.ba9876543210.css",)


def test_an_entry_of_styles_alone_has_no_script(build: Path) -> None:
    files = built("src/styles/pages.css")
    assert files.scripts == ()
    assert files.styles == ("build/pages.00112233aabb.css",)


def test_a_new_build_is_seen_without_a_restart(build: Path) -> None:
    built("src/main.tsx")
    manifest = build / "manifest.json"
    manifest.write_text(json.dumps({"src/main.tsx": {"file": "app.ffffffffffff.js"}}))
    later = manifest.stat().st_mtime_ns + 1_000_000
    os.utime(manifest, ns=(later, later))
    assert built("src/main.tsx").scripts == ("build/app.ffffffffffff.js",)


def test_no_build_says_what_to_do(no_build: None) -> None:
    with pytest.raises(NotBuiltError, match="npm ci && npm run build"):
        built("src/main.tsx")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"src/main.tsx": 7}', '{"src/main.tsx": {}}', "not JSON"])
def test_a_broken_manifest_says_what_to_do_too(build: Path, text: str) -> None:
    (build / "manifest.json").write_text(text)
    with pytest.raises(NotBuiltError, match=r"npm ci && npm run build"):
        built("src/main.tsx")


def test_manage_py_check_warns_and_does_not_stop(no_build: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert [message.msg for message in front_end_is_built(None)] == [HOW_TO_BUILD]
    call_command("check", "frontend")


def test_a_finished_build_gives_no_warning(build: Path) -> None:
    assert front_end_is_built(None) == []


def test_the_names_of_a_real_build_may_be_cached_for_ever(settings: Settings) -> None:
    manifest = Path(settings.FRONTEND_BUILD) / "manifest.json"
    if not manifest.exists():
        pytest.skip("the front end is not built")
    # What WhiteNoise takes for a name that never changes its content.
    immutable = re.compile(r".+\.[0-9a-f]{12}\..+")
    for entry in ("src/main.tsx", "src/styles/pages.css"):
        files = built(entry)
        for name in (*files.scripts, *files.styles):
            assert (Path(settings.FRONTEND_BUILD).parent / name).is_file()
            assert immutable.fullmatch(name)

"""The instance that runs in a state folder, and what it has written about itself."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from django.conf import settings as django_settings

from config.instance import SHARED_SETTINGS, differing_settings, only_instance
from config.state import CannotStart


@pytest.fixture
def settings(tmp_path: Path) -> SimpleNamespace:
    shared = {name: getattr(django_settings, name) for name in SHARED_SETTINGS}
    return SimpleNamespace(**shared | {"STATE_DIR": tmp_path})


def test_it_works(settings: SimpleNamespace) -> None:
    with only_instance(settings, "http://127.0.0.1:8000"):
        assert differing_settings(settings) == []
        settings.FETCH_INTERVAL = 1234
        assert differing_settings(settings) == ["FETCH_INTERVAL"]
        with (
            pytest.raises(CannotStart, match=r"^already running: process \d+ at http://127\.0\.0\.1:8000\.$"),
            only_instance(settings, "http://127.0.0.1:8001"),
        ):
            pass
    assert differing_settings(settings) == []


def test_a_damaged_description_is_none(settings: SimpleNamespace) -> None:
    with only_instance(settings, "http://127.0.0.1:8000"):
        for written in ("", "null", "[]", "3", '"text"', "{}", '{"pid": 1}', "[" * 100_000, "\0"):
            (settings.STATE_DIR / "run.json").write_text(written)
            assert differing_settings(settings) == [], written
        with pytest.raises(CannotStart, match=r"^already running\.$"), only_instance(settings, "elsewhere"):
            pass

"""config/settings.py, example.env and the documentation name the same variables; example.env changes no default."""

import re
from pathlib import Path

from dotenv import dotenv_values

from tests.running import BASE_DIR
from tests.settings import variables_read

# Read elsewhere: by config/prepare.py and docker-compose.yml.
ELSEWHERE = {"DJANGO_SUPERUSER_USERNAME", "DJANGO_SUPERUSER_PASSWORD", "COMPOSE_PROFILES", "POSTGRES_PASSWORD"}


def test_example_env_has_every_variable() -> None:
    assert set(dotenv_values(BASE_DIR / "example.env")) == {*variables_read(), *ELSEWHERE}


def test_example_env_changes_no_default() -> None:
    given = {name: value for name, value in dotenv_values(BASE_DIR / "example.env").items() if value}

    assert given == {"COMPOSE_PROFILES": "demo"}


def test_every_variable_is_explained() -> None:
    """Older names share the comment of the newer one above them."""
    unexplained = re.findall(r"(?:^|\n\n)(\w+)=", (BASE_DIR / "example.env").read_text())

    assert unexplained == []


def test_the_readme_names_the_same_variables() -> None:
    readme = (BASE_DIR / "README.md").read_text()
    rows = set(re.findall(r"^\| `([A-Z][A-Z_]+)` \|", readme, re.MULTILINE))
    anywhere = set(re.findall(r"`([A-Z][A-Z_]+)`", readme))

    assert rows <= {*variables_read(), *ELSEWHERE}
    assert {*variables_read(), "DJANGO_SUPERUSER_USERNAME", "DJANGO_SUPERUSER_PASSWORD"} <= anywhere


def test_links_in_the_documentation_are_not_broken() -> None:
    for page in (BASE_DIR / "docs").glob("*.md"):
        for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text()):
            assert (Path(page.parent) / link).exists(), f"{page.name}: {link}"

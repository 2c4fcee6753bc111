"""Settings under test: nothing of the machine's own environment, no real key, a state folder of its own."""

import ast
import atexit
import os
import tempfile
from pathlib import Path
from shutil import rmtree

CONFIG = Path(__file__).resolve().parent.parent / "config"


def variables_read() -> list[str]:
    """Return the name of every variable that config/settings.py reads."""
    calls = (node for node in ast.walk(ast.parse((CONFIG / "settings.py").read_text())) if isinstance(node, ast.Call))
    return [
        str(call.args[0].value)
        for call in calls
        if isinstance(call.func, ast.Attribute)
        and isinstance(call.func.value, ast.Name)
        and call.func.value.id == "env"
        and call.args
        and isinstance(call.args[0], ast.Constant)
    ]


for name in variables_read():
    os.environ.pop(name, None)
    os.environ.pop(f"{name}_FILE", None)

state = tempfile.mkdtemp(prefix="windhover-tests-")
atexit.register(rmtree, state, ignore_errors=True)
os.environ |= {
    "WINDHOVER_ENV_FILE": os.devnull,
    "SECRET_KEY": "for tests only",
    "STATE_DIR": state,
    "YT_KEYS": "first=AIzaFirstKeyOfTheTests,second=AIzaSecondKeyOfTheTests",
}

import dj_database_url  # noqa: E402

from config.settings import *  # noqa: E402, F403

# tests/test_on_postgresql.py runs tests a second time, there.
if url := os.environ.get("TEST_DATABASE_URL"):
    DATABASES = {"default": {**dj_database_url.parse(url), "OPTIONS": POSTGRESQL_TIMEOUTS}}  # noqa: F405
else:  # in a file, as a server's threads would share the one connection to a database in memory
    DATABASES["default"]["TEST"] = {"NAME": f"{state}/test.sqlite3"}

(Path(state) / "static").mkdir()  # which WhiteNoise would miss

# Hashes in file names would need collectstatic before every test; tests need no slow password hash.
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

"""No file of the repository contains a real key. Tests' own keys are of other lengths."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.running import BASE_DIR

# The forms in which providers issue keys, and what begins a private key.
SECRETS = re.compile(
    rb"AIza[\w-]{35}\b"  # Google
    rb"|\bgh[pousr]_\w{36}|\bgithub_pat_\w{60}"
    rb"|\bAKIA[A-Z0-9]{16}\b"  # Amazon
    rb"|\bxox[abprs]-[\w-]{20}"  # Slack
    rb"|\b(?:sk|rk)_live_\w{20}"  # Stripe
    rb"|\bGOCSPX-[\w-]{20}|\bya29\.[\w-]{20}"  # Google's OAuth
    rb"|-----BEGIN [A-Z ]*PRIVATE KEY-----"
)


def test_no_file_has_a_secret() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=BASE_DIR, capture_output=True, check=False)
    if listed.returncode:
        pytest.skip("not a checkout of git")
    files = [Path(BASE_DIR, name) for name in listed.stdout.decode().split("\0") if name]
    found = [
        (file.name, match[0][:8])
        for file in files
        if file.is_file()
        for match in [SECRETS.search(file.read_bytes())]
        if match
    ]
    assert not found


def test_secrets_are_found() -> None:
    for secret in ("AI" + "za" + "x" * 35, "-----BEGIN " + "RSA PRIVATE KEY-----", "AK" + "IA" + "A" * 16):
        assert SECRETS.search(secret.encode())

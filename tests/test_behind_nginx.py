"""Windhover behind a real nginx with HTTPS, configured as docs/reverse-proxy.md describes."""

import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
import requests

from tests.certificate import make_certificate
from tests.needs import missing
from tests.running import BASE_DIR, free_ports, wait_for
from tests.web import listens, running_web

pytestmark = [pytest.mark.system, pytest.mark.timeout(200)]

HOST = "windhover.example.org"
ACCOUNT = {"username": "ada", "password": "kestrel-on-the-wind"}


@pytest.fixture(scope="module", params=["", "/windhover"], ids=["own host", "sub-path"])
def public_url(request: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The public address of a Windhover behind nginx, with or without a path."""
    folder: Path = tmp_path_factory.mktemp("nginx")
    proxy_port = free_ports()
    url = f"https://{HOST}:{proxy_port}{request.param}"
    nginx = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin") or missing("nginx")
    account = {f"DJANGO_SUPERUSER_{name.upper()}": value for name, value in ACCOUNT.items()}
    with running_web(folder, PUBLIC_URL=url, **account) as (_, port), (folder / "nginx.txt").open("w") as output:
        configuration = write_configuration(folder, port, proxy_port, request.param)
        command = [nginx, "-p", str(folder), "-c", str(configuration), "-e", "stderr"]
        proxy = subprocess.Popen(command, stdout=output, stderr=output)
        try:
            wait_for(lambda: listens(proxy_port), (folder / "nginx.txt").read_text)
            yield url
        finally:
            proxy.terminate()
            assert proxy.wait(60) == 0


def write_configuration(folder: Path, port: int, proxy_port: int, prefix: str) -> Path:
    """Return the file of the documented server block, with this test's ports and certificate."""
    (block,) = re.findall(r"```nginx\n(.*?)```", (BASE_DIR / "docs" / "reverse-proxy.md").read_text(), re.DOTALL)
    make_certificate(folder, HOST)
    for old, new in [
        ("listen 443 ssl", f"listen 127.0.0.1:{proxy_port} ssl"),
        ("/etc/ssl/certs/windhover.pem", str(folder / "certificate.pem")),
        ("/etc/ssl/private/windhover.key", str(folder / "certificate.pem")),
        ("http://127.0.0.1:8000", f"http://127.0.0.1:{port}"),
        ("location /", f"location {prefix}/"),
    ]:
        assert old in block
        block = block.replace(old, new)
    paths = "".join(
        f"{name}_temp_path {folder / name};\n" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;\n" if os.getuid() == 0 else ""
    file = folder / "nginx.conf"
    file.write_text(
        f"{user}daemon off;\npid {folder / 'nginx.pid'};\nevents {{}}\nhttp {{\naccess_log off;\n{paths}{block}}}\n"
    )
    return file


@pytest.fixture
def browser(public_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A session that keeps cookies, finds HOST on this machine, and trusts the certificate."""
    real = socket.getaddrinfo
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda host, *more, **kw: real("127.0.0.1" if host == HOST else host, *more, **kw)
    )
    session = requests.Session()
    session.trust_env = False
    session.verify = str(max(tmp_path_factory.getbasetemp().glob("nginx*/certificate.pem"), key=os.path.getmtime))
    return session


def submit(browser: Any, address: str, action: str = "", **values: str) -> Any:
    """Load a page and submit its form, as a browser does."""
    page = browser.get(address)
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)
    assert token, page.text
    origin = re.match(r"https://[^/]+", address)
    assert origin
    headers = {"Origin": origin[0], "Referer": address, "Sec-Fetch-Site": "same-origin"}
    data = {"csrfmiddlewaretoken": token[1], **values}
    return browser.post(urljoin(address, action), data, headers=headers, allow_redirects=False)


def sign_in(browser: Any, public_url: str) -> Any:
    return submit(browser, f"{public_url}/sign-in/?next=", **ACCOUNT)


def test_sign_in_forms_and_sign_out_work(browser: Any, public_url: str) -> None:
    answer = sign_in(browser, public_url)
    assert answer.status_code == 302
    assert urljoin(answer.url, answer.headers["Location"]) == f"{public_url}/"

    added = submit(browser, f"{public_url}/", keyword="AC/DC")
    assert added.status_code == 302
    assert urljoin(added.url, added.headers["Location"]).startswith(f"{public_url}/keywords/")
    assert "AC/DC" in browser.get(urljoin(added.url, added.headers["Location"])).text

    out = submit(browser, f"{public_url}/", action=f"{public_url}/sign-out/")
    assert urljoin(out.url, out.headers["Location"]) == f"{public_url}/"
    assert "Sign in" in browser.get(f"{public_url}/").text


def test_cookies_are_for_https_and_the_path_only(browser: Any, public_url: str) -> None:
    sign_in(browser, public_url)
    assert len(browser.cookies) >= 2
    path = re.sub(r"https://[^/]+", "", public_url) + "/"
    assert {(cookie.secure, cookie.path) for cookie in browser.cookies} == {(True, path)}


def test_the_api_names_public_addresses(browser: Any, public_url: str) -> None:
    sign_in(browser, public_url)
    for keyword in ("AC/DC", "kestrels"):
        submit(browser, f"{public_url}/", keyword=keyword)
    page = browser.get(f"{public_url}/api/keywords/?page_size=1").json()
    assert page["next"].startswith(f"{public_url}/api/keywords/?")
    assert browser.get(page["next"]).status_code == 200
    assert browser.get(f"{public_url}/api/keyword/ac%2Fdc/videos/").status_code == 200


def test_the_documented_address_of_each_endpoint_is_right(browser: Any, public_url: str) -> None:
    schema = browser.get(f"{public_url}/api/schema/?format=json").json()
    server = schema.get("servers", [{"url": ""}])[0]["url"]
    assert browser.get(urljoin(public_url, f"{server}/api/quota/")).status_code == 200
    assert "/api/quota/" in schema["paths"]


def test_another_site_may_not_post(browser: Any, public_url: str) -> None:
    sign_in(browser, public_url)
    headers = {"Origin": "https://evil.test", "Sec-Fetch-Site": "cross-site"}
    answer = browser.post(f"{public_url}/api/keywords/", json={"keyword": "evil"}, headers=headers)
    assert answer.status_code == 403


@pytest.mark.parametrize("page", ["/", "/sign-in/", "/nowhere/", "/api/docs/", "/admin/login/", "/?page=%00"])
def test_links_and_files_of_a_page_exist(browser: Any, public_url: str, page: str) -> None:
    shown = browser.get(f"{public_url}{page}")
    assert shown.status_code in (200, 400, 404)
    links = set(re.findall(r'(?:href|src|action)="(/[^"]*)"', shown.text))
    assert links
    for link in links:
        address = urljoin(public_url, link)
        assert address.startswith(f"{public_url}/")
        assert browser.get(address).status_code in (200, 405), address  # sign-out is for POST


def test_a_page_for_a_wrong_host_has_its_style(browser: Any, public_url: str) -> None:
    shown = browser.get(f"{public_url}/", headers={"Host": "evil.test"})
    assert shown.status_code >= 400
    (style,) = re.findall(r'rel="stylesheet" href="([^"]+)"', shown.text)
    assert browser.get(urljoin(public_url, style)).status_code == 200

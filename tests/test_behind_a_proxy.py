"""Windhover behind a real nginx and Caddy with HTTPS, configured as docs/reverse-proxy.md describes."""

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


NGINX = [("nginx", ""), ("nginx", "/windhover")]
CADDY = [("caddy", ""), ("caddy", "/windhover")]


@pytest.fixture(scope="module", params=NGINX + CADDY, ids=" ".join)
def public_url(request: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The public address of a Windhover behind nginx or Caddy, with or without a path."""
    name, prefix = request.param
    program = shutil.which(name) or shutil.which(name, path="/usr/sbin") or missing(name)
    folder: Path = tmp_path_factory.mktemp("proxy")
    make_certificate(folder, HOST)
    proxy_port = free_ports()
    url = f"https://{HOST}:{proxy_port}{prefix}"
    account = {f"DJANGO_SUPERUSER_{key.upper()}": value for key, value in ACCOUNT.items()}
    with running_web(folder, PUBLIC_URL=url, **account) as (_, port), (folder / "proxy.txt").open("w") as output:
        configure = {"nginx": configure_nginx, "caddy": configure_caddy}[name]
        command = [program, *configure(folder, port, proxy_port, prefix)]
        # Caddy keeps files of its own in these folders.
        environment = {**os.environ, "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
        proxy = subprocess.Popen(command, stdout=output, stderr=output, env=environment)
        try:
            wait_for(lambda: listens(proxy_port), (folder / "proxy.txt").read_text)
            yield url
        finally:
            proxy.terminate()
            assert proxy.wait(60) == 0


def documented_blocks(title: str) -> list[str]:
    """Return the blocks of code in a section of docs/reverse-proxy.md."""
    page = (BASE_DIR / "docs" / "reverse-proxy.md").read_text()
    section = page.split(f"## {title}\n")[1].split("\n## ")[0]
    return re.findall(r"```\w*\n(.*?)```", section, re.DOTALL)


def replaced(block: str, *replacements: tuple[str, str]) -> str:
    """Return a documented block with this test's ports and certificate."""
    for old, new in replacements:
        assert old in block
        block = block.replace(old, new)
    return block


def configure_nginx(folder: Path, port: int, proxy_port: int, prefix: str) -> list[str]:
    """Write the documented server block to a file; return nginx's arguments."""
    (block,) = documented_blocks("nginx")
    block = replaced(
        block,
        ("listen 443 ssl", f"listen 127.0.0.1:{proxy_port} ssl"),
        ("/etc/ssl/certs/windhover.pem", str(folder / "certificate.pem")),
        ("/etc/ssl/private/windhover.key", str(folder / "certificate.pem")),
        ("http://127.0.0.1:8000", f"http://127.0.0.1:{port}"),
        ("location /", f"location {prefix}/"),
    )
    paths = "".join(
        f"{name}_temp_path {folder / name};\n" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;\n" if os.getuid() == 0 else ""
    file = folder / "nginx.conf"
    file.write_text(
        f"{user}daemon off;\npid {folder / 'nginx.pid'};\nevents {{}}\nhttp {{\naccess_log off;\n{paths}{block}}}\n"
    )
    return ["-p", str(folder), "-c", str(file), "-e", "stderr"]


def configure_caddy(folder: Path, port: int, proxy_port: int, prefix: str) -> list[str]:
    """Write the documented site to a file; return Caddy's arguments."""
    site, sub_path = documented_blocks("Caddy")
    if prefix:
        site = replaced(site, ("reverse_proxy 127.0.0.1:8000", sub_path))
    certificate = folder / "certificate.pem"
    site = replaced(
        site,
        (f"{HOST} {{", f"{HOST}:{proxy_port} {{\nbind 127.0.0.1\ntls {certificate} {certificate}"),
        ("127.0.0.1:8000", f"127.0.0.1:{port}"),
    )
    file = folder / "Caddyfile"
    # Without its administration and the redirects from port 80.
    file.write_text(f"{{\nadmin off\nauto_https disable_redirects\n}}\n{site}")
    return ["run", "--config", str(file), "--adapter", "caddyfile"]


@pytest.fixture
def browser(public_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A session that keeps cookies, finds HOST on this machine, and trusts the certificate."""
    real = socket.getaddrinfo
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda host, *more, **kw: real("127.0.0.1" if host == HOST else host, *more, **kw)
    )
    session = requests.Session()
    session.trust_env = False
    session.verify = str(max(tmp_path_factory.getbasetemp().glob("proxy*/certificate.pem"), key=os.path.getmtime))
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
    problem = browser.get(f"{public_url}/api/keywords/?x=1").json()
    assert browser.get(urljoin(public_url, problem["type"])).url == f"{public_url}/api/redoc#tag/problems/invalid"


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


@pytest.mark.parametrize("public_url", NGINX, ids=" ".join, indirect=True)  # Caddy answers other hosts itself
def test_a_page_for_a_wrong_host_has_its_style(browser: Any, public_url: str) -> None:
    shown = browser.get(f"{public_url}/", headers={"Host": "evil.test"})
    assert shown.status_code >= 400
    styles = re.findall(r'rel="stylesheet" href="([^"]+)"', shown.text)
    assert [browser.get(urljoin(public_url, style)).status_code for style in styles] == [200, 200]

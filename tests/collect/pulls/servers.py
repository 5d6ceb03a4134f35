"""Servers that tests fetch from: real ones, on this machine, gone with the test."""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


def needed(program: str, package: str) -> str:
    """The path of a program of Debian's; the test is skipped without it, but not in CI."""
    found = shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin")
    if found is None:
        message = f"install Debian's {package} to run this test"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    return found


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(port: int) -> Callable[[], bool]:
    def asked() -> bool:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            return False
        return True

    return asked


@contextmanager
def running(command: list[str], port: int, log: Path, **environment: str) -> Iterator[None]:
    """A server in a process of its own, once it listens."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, env={**os.environ, **environment}
        )
        try:
            until = time.monotonic() + 60
            while not _answers(port)():
                assert process.poll() is None, log.read_text(errors="replace")
                assert time.monotonic() < until, log.read_text(errors="replace")
                time.sleep(0.05)
            yield
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(20)


@contextmanager
def mariadb(folder: Path) -> Iterator[str]:
    """An empty MariaDB with a database ``shop``; gives SQLAlchemy's URL of it."""
    server = needed("mariadbd", "mariadb-server")
    data = folder / "data"
    user = f"--user={pwd.getpwuid(os.getuid()).pw_name}"
    subprocess.run(
        [
            needed("mariadb-install-db", "mariadb-server"), "--no-defaults", f"--datadir={data}",
            "--auth-root-authentication-method=normal", "--skip-test-db", user,
        ],
        check=True, capture_output=True,
    )  # fmt: skip
    port = free_port()
    # The socket's path may have 107 characters only.
    command = [
        server, "--no-defaults", f"--datadir={data}", user, f"--port={port}",
        "--bind-address=127.0.0.1", f"--socket={os.path.relpath(data / 's', data)}",
        f"--pid-file={data / 'pid'}", "--character-set-server=utf8mb4",
    ]  # fmt: skip
    with running(command, port, folder / "log"):
        import sqlalchemy as sa  # noqa: PLC0415

        engine = sa.create_engine(f"mariadb+pymysql://root@127.0.0.1:{port}/")
        with engine.begin() as connection:
            connection.exec_driver_sql("CREATE DATABASE shop")
        engine.dispose()
        yield f"mariadb+pymysql://root@127.0.0.1:{port}/shop"


@contextmanager
def ftp(folder: Path, log: Path) -> Iterator[int]:
    """An FTP server of a folder for user ``till``, password ``pass word``; gives its port."""
    port = free_port()
    command = [
        sys.executable, "-W", "ignore", "-m", "pyftpdlib", "-i", "127.0.0.1", "-p", str(port),
        "-d", str(folder), "-u", "till", "-P", "pass word",
    ]  # fmt: skip
    with running(command, port, log):
        yield port


#: What `make sources` makes: clients and servers of storages, and dialects of databases, in folders
#: of their own, for they contradict what we install.
_BUILD = Path(__file__).resolve().parents[3] / "build"
STORAGES = _BUILD / "storages"


def storages() -> str:
    """The folder of storages' clients and servers; tests are skipped without it, but not in CI."""
    return _made(STORAGES)


def dialects() -> str:
    """The folder of databases' dialects; tests are skipped without it, but not in CI."""
    return _made(_BUILD / "dialects")


def _made(folder: Path) -> str:
    if not (folder / ".made").exists():
        message = "run `make sources` to run this test"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    return str(folder)


@contextmanager
def s3(log: Path) -> Iterator[str]:
    """An S3 server without any bucket; gives its address."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with running(command, port, log, PYTHONPATH=storages(), PYTHONWARNINGS="ignore"):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def webdav(folder: Path, log: Path) -> Iterator[str]:
    """A WebDAV server of a folder for user ``till``, password ``pass word``; gives its address."""
    port = free_port()
    settings = folder.parent / "wsgidav.json"
    settings.write_text(
        f'{{"host": "127.0.0.1", "port": {port}, "provider_mapping": {{"/": "{folder}"}},'
        ' "http_authenticator": {"domain_controller": null},'
        ' "simple_dc": {"user_mapping": {"*": {"till": {"password": "pass word"}}}}}'
    )
    code = "from wsgidav.server.server_cli import run; run()"
    command = [sys.executable, "-c", code, f"--config={settings}"]
    with running(command, port, log, PYTHONPATH=storages(), PYTHONWARNINGS="ignore"):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def web(folder: Path, log: Path) -> Iterator[str]:
    """A web server that lists a folder; gives its address."""
    port = free_port()
    command = [
        sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1", "-d", str(folder),
    ]  # fmt: skip
    with running(command, port, log):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def dovecot(folder: Path) -> Iterator[tuple[int, Path]]:
    """An IMAP server for user ``service``, password ``pass-word``; gives its port and its mails.

    It speaks TLS when asked (STARTTLS), by a certificate for localhost that is its own authority:
    `folder`/certificate.pem.
    """
    server = needed("dovecot", "dovecot-imapd")
    mails = folder / "mails"
    for part in ("cur", "new", "tmp"):
        (mails / part).mkdir(parents=True)
    subprocess.run(
        [
            needed("openssl", "openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt",
            "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=localhost",
            "-addext", "subjectAltName=DNS:localhost", "-keyout", folder / "key.pem",
            "-out", folder / "certificate.pem",
        ],
        check=True, capture_output=True,
    )  # fmt: skip
    port = free_port()
    if os.getuid() == 0:  # it refuses to serve mails as root
        login, internal, group, uid, gid = "dovenull", "dovecot", "dovecot", 65534, 65534
        for path in (folder, mails, *mails.iterdir()):
            path.chmod(0o755)
        for path in (mails, *mails.iterdir()):
            os.chown(path, uid, gid)
    else:
        login = internal = pwd.getpwuid(os.getuid()).pw_name
        uid, gid, group = os.getuid(), os.getgid(), grp.getgrgid(os.getgid()).gr_name
    (folder / "dovecot.conf").write_text(f"""
protocols = imap
listen = 127.0.0.1
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/mail.log
ssl = yes
ssl_cert = <{folder}/certificate.pem
ssl_key = <{folder}/key.pem
disable_plaintext_auth = no
mail_location = maildir:{mails}
default_login_user = {login}
default_internal_user = {internal}
default_internal_group = {group}
first_valid_uid = 0
passdb {{
  driver = static
  args = password=pass-word
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={mails}
}}
service anvil {{
  chroot =
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
""")
    with running([server, "-F", "-c", str(folder / "dovecot.conf")], port, folder / "log"):
        yield port, mails

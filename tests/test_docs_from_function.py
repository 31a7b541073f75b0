"""The function on the page about AWS IoT Core, with certificates and TLS."""

from __future__ import annotations

import datetime as dt
import http.server
import inspect
import ipaddress
import json
import ssl
import threading
import urllib.request

import pytest

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

import stsession

from .pages import DOCS
from .run_page import BLOCK


PAGE = (DOCS / "how-to" / "from-function.md").read_text("utf-8")
(CODE,) = (b["code"] for b in BLOCK.finditer(PAGE) if "def get_from_iot" in b["code"])

NOW = dt.datetime.now(dt.timezone.utc)


class Authority:
    """A certificate authority of one test."""

    def __init__(self):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name.from_rfc4514_string("CN=authority")
        usage = dict.fromkeys(inspect.signature(x509.KeyUsage).parameters, False)
        self.certificate = self._sign(
            self.name,
            self.key,
            x509.BasicConstraints(ca=True, path_length=None),
            x509.KeyUsage(**{**usage, "key_cert_sign": True}),
        )

    def _sign(self, name, key, *extensions):
        builder = x509.CertificateBuilder(
            issuer_name=self.name,
            subject_name=name,
            public_key=key.public_key(),
            serial_number=x509.random_serial_number(),
            not_valid_before=NOW - dt.timedelta(hours=1),
            not_valid_after=NOW + dt.timedelta(hours=1),
        )
        for extension in (
            *extensions,
            x509.SubjectKeyIdentifier.from_public_key(key.public_key()),
            x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()),
        ):
            builder = builder.add_extension(extension, critical=extension in extensions)
        return builder.sign(self.key, hashes.SHA256())

    def issue(self, name, certificate, key):
        """Write a certificate and its key to files; it is one for 127.0.0.1, too."""
        private = ec.generate_private_key(ec.SECP256R1())
        address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
        signed = self._sign(
            x509.Name.from_rfc4514_string(f"CN={name}"),
            private,
            x509.SubjectAlternativeName([address]),
        )
        certificate.write_bytes(pem(signed))
        key.write_bytes(
            private.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )


def pem(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM)


@pytest.fixture(name="authority")
def _authority(tmp_path):
    authority = Authority()
    (tmp_path / "AmazonRootCA1.pem").write_bytes(pem(authority.certificate))
    return authority


@pytest.fixture(name="requests")
def _requests():
    """Requests: path, name of the thing, and name in the certificate."""
    return []


@pytest.fixture(name="port")
def _port(authority, requests, tmp_path):
    """A server that issues credentials to devices with a certificate."""

    class Provider(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            (((_, name),),) = self.connection.getpeercert()["subject"]
            requests.append((self.path, self.headers["x-amzn-iot-thingname"], name))
            keys = {
                "accessKeyId": f"ASIA{len(requests)}",
                "secretAccessKey": "secret",
                "sessionToken": "token",
                "expiration": (NOW + dt.timedelta(hours=1)).strftime(
                    "%Y-%m-%dT%H:%M:%SZ"
                ),
            }
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps({"credentials": keys}).encode())

        def log_message(self, *_):
            """No-op."""

    class Server(http.server.ThreadingHTTPServer):
        def handle_error(self, *_):
            """No-op: some handshakes fail."""

    files = tmp_path / "server.pem", tmp_path / "server.key"
    authority.issue("server", *files)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*files)
    context.load_verify_locations(tmp_path / "AmazonRootCA1.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    with Server(("127.0.0.1", 0), Provider) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


@pytest.fixture(name="session")
def _session(port, tmp_path, monkeypatch):
    """The session of the page, with the server in place of AWS's."""
    monkeypatch.chdir(tmp_path)
    names = {"json": json, "stsession": stsession, "urllib": urllib}
    exec(CODE, names)
    url = names["URL"]
    names["URL"] = f"https://127.0.0.1:{port}/{url.split('/', 3)[3]}"
    return names["device"]


def test_certificate(session, authority, requests, tmp_path):
    """The device's certificate is sent, and the credentials are those of the answer."""
    authority.issue(
        "device", tmp_path / "certificate.pem.crt", tmp_path / "private.pem.key"
    )

    first = session.credentials()

    assert ("ASIA1", "token") == (first.access_key_id, first.session_token)
    assert NOW + dt.timedelta(hours=1) - first.expires_at < dt.timedelta(seconds=1)
    assert "ASIA2" == session.refresh().access_key_id
    path = "/role-aliases/reader/credentials"
    assert [(path, "sensor-1", "device")] * 2 == requests


def test_wrong_certificate(session, requests, tmp_path):
    """The cause of the error is that of the connection."""
    Authority().issue(
        "device", tmp_path / "certificate.pem.crt", tmp_path / "private.pem.key"
    )
    with pytest.raises(stsession.SourceCredentialsError) as caught:
        session.credentials()

    assert isinstance(caught.value.__cause__, OSError)
    assert [] == requests

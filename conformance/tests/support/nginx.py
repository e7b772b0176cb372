"""Debian's nginx in front of a server, with TLS, as an operator would set it up."""

import os
import shutil
import socket
import ssl
import subprocess
from pathlib import Path

from .process import begin

CONFIG = """
daemon off;
worker_processes 1;
error_log {folder}/error.log;
pid {folder}/pid;
events {{ worker_connections 64; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port} ssl;
    ssl_certificate {folder}/cert.pem;
    ssl_certificate_key {folder}/key.pem;
    client_max_body_size 2m;
    location {location} {{
      proxy_pass {to};
      proxy_http_version 1.1;
      {host}
    }}
  }}
}}
"""


def program():
    """nginx lies where only root's PATH leads."""
    return shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")


def certificate(folder):
    """An authority and a certificate of it for localhost."""
    new = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    authority = ["-subj", "/CN=own authority", "-keyout", f"{folder}/ca.key", "-out", f"{folder}/ca.pem"]
    own = ["-subj", "/CN=localhost", "-CA", f"{folder}/ca.pem", "-CAkey", f"{folder}/ca.key",
           "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE",
           "-keyout", f"{folder}/key.pem", "-out", f"{folder}/cert.pem"]
    for arguments in (authority, own):
        subprocess.run([*new, *arguments], check=True, capture_output=True)


class Nginx:
    """One nginx that passes everything below a prefix on, with or without it, with or without `Host`."""

    def __init__(self, folder, port, server_url, prefix, *, strips, passes_host):
        self.folder, self.ca = Path(folder), str(Path(folder) / "ca.pem")
        self.strips, self.passes_host = strips, passes_host
        self.url = f"https://localhost:{port}{prefix}"
        certificate(folder)
        config = CONFIG.format(
            folder=folder, port=port, location=f"{prefix}/",
            # A URI behind the address replaces the location's: that takes the prefix off.
            to=f"{server_url}/" if strips else server_url,
            host="proxy_set_header Host $http_host;" if passes_host else "",
        )
        (self.folder / "nginx.conf").write_text(config)
        self.log = open(self.folder / "said.log", "wb")
        self.child = begin([program(), "-p", str(folder), "-c", f"{folder}/nginx.conf"], self.log, lambda: self.greet(port), seconds=15)

    def greet(self, port):
        context = ssl.create_default_context(cafile=self.ca)
        with socket.create_connection(("localhost", port), 1) as plain, context.wrap_socket(plain, server_hostname="localhost"):
            pass

    def stop(self):
        if self.child.poll() is None:
            self.child.terminate()
            self.child.wait(10)
        self.log.close()

"""`manage.py up` with stand-ins for what it starts: `python -m tests.project.up_program [--permanent] ARGUMENTS`. The
servers, the migrations and the order are the real ones.
"""

import asyncio
import os
import sys
import types
from pathlib import Path

os.environ["DJANGO_SETTINGS_MODULE"] = "project.settings"

PASSWORD, TOKEN = "the-password-of-the-stand-in", "the-token-of-the-stand-in"

# Leads a feed, as far as `up` can tell.
INGEST = """
import time
from django.conf import settings
from redis import Redis
client = Redis.from_url(settings.REDIS_URL)
status = '{"feed": "simulated", "kind": "simulated", "health": "ok", "quotes_per_second": 512.4, "lag_ms": 1.5, "term": 7}'
print("ingest is up", flush=True)
while True:
    client.set(f"{settings.INSTALLATION}:status:simulated", status, ex=5)
    time.sleep(0.2)
"""
WEB = """
import http.server, sys
from django.conf import settings
from redis import Redis
client = Redis.from_url(settings.REDIS_URL)
client.sadd(f"{settings.INSTALLATION}:webs", "a", "gone")
client.set(f"{settings.INSTALLATION}:web:a", '{"sockets": 3, "frames_per_second": 20}', ex=60)
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
    def log_message(self, *args): pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Page).serve_forever()
"""
PERMANENT = "import sys; print('there is no key for this feed', file=sys.stderr); sys.exit(78)"


def main(arguments: list[str]) -> int:
    import django
    from django.conf import settings

    from project.console import Console
    from project.errors import StartError
    from project.up import Up
    from project.up_arguments import parse

    django.setup()
    demo = types.ModuleType("accounts.demo")
    access = types.SimpleNamespace(username="demo", password=PASSWORD, token=TOKEN)
    demo.__dict__.update(prepare=lambda: access, withdraw=lambda: None, fill_watchlist=lambda feed: True)
    sys.modules["accounts.demo"] = demo
    settings.FRONTEND_BUILD = Path(settings.VAR_DIR) / "build"
    (settings.FRONTEND_BUILD / ".vite").mkdir(parents=True, exist_ok=True)
    (settings.FRONTEND_BUILD / ".vite" / "manifest.json").write_text("{}")

    ingest = PERMANENT if "--permanent" in arguments else INGEST
    options = parse([argument for argument in arguments if argument != "--permanent"], "up")
    up = Up(options, Console(sys.stdout))
    try:
        up.check()
        commands = {"ingest": [sys.executable, "-c", ingest], "web": [sys.executable, "-c", WEB, str(up.port)]}
        up.commands = commands
        return asyncio.run(up.run())
    except StartError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

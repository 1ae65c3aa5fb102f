"""Takes pictures of pages with Debian's chromium, over its debugging protocol. Runs in the application's environment.

    camera.py < shots.json

Each shot is an object: `url`, `file`, `width`, `height`; `ready`, an expression in JavaScript that is true when the
page shows what it should; and `clip`, the part that is kept, as x, y, width, height.
"""

import base64
import itertools
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request

from websockets.sync.client import connect

# Seconds until a page must show what it should.
SHOWN = 60


class Page:
    """A page of a browser."""

    def __init__(self, socket):
        self.socket = socket
        self.ids = itertools.count(1)

    def do(self, method, **parameters):
        id = next(self.ids)
        self.socket.send(json.dumps({"id": id, "method": method, "params": parameters}))
        while True:
            answer = json.loads(self.socket.recv(SHOWN))
            if answer.get("id") == id:
                return answer["result"]

    def say(self, expression):
        return self.do("Runtime.evaluate", expression=expression, awaitPromise=True)["result"].get("value")

    def wait_for(self, expression):
        by = time.monotonic() + SHOWN
        while not self.say(expression):
            if time.monotonic() > by:
                raise SystemExit(f"the page never showed: {expression}")
            time.sleep(0.2)
        # What moves comes to rest.
        time.sleep(1.5)

    def take(self, shot):
        metrics = {"width": shot["width"], "height": shot["height"], "deviceScaleFactor": 1, "mobile": False}
        self.do("Emulation.setDeviceMetricsOverride", **metrics)
        self.do("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "light"}])
        self.do("Page.navigate", url=shot["url"])
        self.wait_for(shot["ready"])
        x, y, width, height = shot["clip"]
        clip = {"x": x, "y": y, "width": width, "height": height, "scale": 1}
        data = self.do("Page.captureScreenshot", format="png", clip=clip)["data"]
        pathlib.Path(shot["file"]).write_bytes(base64.b64decode(data))
        print(shot["file"], flush=True)


def main():
    program = shutil.which("chromium") or sys.exit("needs Debian's chromium")
    with tempfile.TemporaryDirectory(prefix="sidegate-camera-") as profile:
        words = [program, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
        words += ["--remote-debugging-port=0", f"--user-data-dir={profile}", "about:blank"]
        browser = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            with connect(address(pathlib.Path(profile) / "DevToolsActivePort"), max_size=None) as socket:
                for shot in json.load(sys.stdin):
                    Page(socket).take(shot)
        finally:
            browser.terminate()
            browser.wait(10)


def address(written):
    """Where the browser's first page is spoken to."""
    by = time.monotonic() + SHOWN
    while not (written.exists() and written.read_text()):
        if time.monotonic() > by:
            raise SystemExit("the browser did not start")
        time.sleep(0.2)
    port = written.read_text().splitlines()[0]
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/json", timeout=10) as answer:
        pages = [page for page in json.loads(answer.read()) if page["type"] == "page"]
    return pages[0]["webSocketDebuggerUrl"]


if __name__ == "__main__":
    main()

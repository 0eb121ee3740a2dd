#!/usr/bin/env python3
"""Chromium without a window, steered over a pipe by its DevTools protocol.

`browser.py PAGE PICTURE [WIDTH HEIGHT [light|dark]]` takes a picture of a page; without a height, of the whole page."""
import base64
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile


class Browser:
    """One page in a browser of its own, which can reach no other machine. Events of the page are kept in `events`."""

    def __init__(self):
        program = shutil.which("chromium")
        if not program:
            raise FileNotFoundError("chromium is not installed; scripts/setup installs it")
        self.profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        read_end, self.requests = os.pipe()
        self.answers, write_end = os.pipe()
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--disable-dev-shm-usage", "--no-first-run",
                   "--disable-background-networking", "--host-resolver-rules=MAP * ~NOTFOUND", f"--user-data-dir={self.profile.name}",
                   "--remote-debugging-pipe", "about:blank"]
        # The browser reads requests from 3 and answers on 4.
        self.process = subprocess.Popen(["/bin/sh", "-c", f'exec "$0" "$@" 3<&{read_end} 4>&{write_end}', program, *options],
                                        pass_fds=(read_end, write_end), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                        env={**os.environ, "HOME": self.profile.name})
        os.close(read_end)
        os.close(write_end)
        self.rest, self.number, self.session, self.events = b"", 0, None, []
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for part in ("Page", "Network", "Runtime", "Log"):
            self.ask(f"{part}.enable")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self.requests)  # the browser ends with its pipe
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        os.close(self.answers)
        self.profile.cleanup()

    def message(self):
        while b"\0" not in self.rest:
            more = os.read(self.answers, 1 << 20)
            if not more:
                raise ConnectionError(f"chromium ended with code {self.process.wait()}")
            self.rest += more
        text, _, self.rest = self.rest.partition(b"\0")
        return json.loads(text)

    def ask(self, method, **parameters):
        self.number += 1
        request = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            request["sessionId"] = self.session
        data = json.dumps(request).encode() + b"\0"
        while data:
            data = data[os.write(self.requests, data):]
        while True:
            answer = self.message()
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                return answer["result"]
            self.events.append(answer)

    def told(self, *methods):
        """What the page's events of these kinds said."""
        return [event["params"] for event in self.events if event.get("method") in methods]

    def open(self, page, width=1240, height=1600, scheme="light"):
        """Loads the file with all its pictures."""
        self.resize(width, height)
        self.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.events.clear()
        self.ask("Page.navigate", url=pathlib.Path(page).resolve().as_uri())
        while not self.told("Page.loadEventFired"):
            self.events.append(self.message())

    def resize(self, width, height):
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def value(self, expression):
        """Of JavaScript, which what the page forbids itself does not hinder."""
        answer = self.ask("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(f"{expression}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def picture(self):
        """The window as a PNG file."""
        return base64.b64decode(self.ask("Page.captureScreenshot", format="png")["data"])


def main(page, picture, width=1240, height=None, scheme="light"):
    with Browser() as browser:
        browser.open(page, int(width), int(height or 1600), scheme)
        if not height:
            browser.resize(int(width), browser.value("document.documentElement.scrollHeight"))
        pathlib.Path(picture).write_bytes(browser.picture())


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Headless Chromium: what a page looks like, as rows of pixels."""

import shutil
import struct
import subprocess
import tempfile
import zlib

PROGRAM = shutil.which("chromium")
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--hide-scrollbars")
LIGHT, DARK = 1, 0  # Blink's own numbers for what a person prefers


def _run(*arguments, timeout_seconds=120):
    with tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True) as profile:
        subprocess.run([PROGRAM, *FLAGS, f"--user-data-dir={profile}", *map(str, arguments)], check=True,
                       timeout=timeout_seconds, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


class Picture:
    """8 bits a channel, as Chromium writes them."""

    def __init__(self, data):
        if data[:8] != b"\x89PNG\r\n\x1a\n":
            raise ValueError("this is no PNG")
        at, packed = 8, b""
        while at < len(data):
            length, kind = struct.unpack(">I4s", data[at:at + 8])
            if kind == b"IHDR":
                self.width, self.height, depth, colours = struct.unpack(">IIBB", data[at + 8:at + 18])
                if depth != 8 or colours not in (2, 6):
                    raise ValueError(f"depth {depth}, colour type {colours}")
                self.channels = 3 if colours == 2 else 4
            elif kind == b"IDAT":
                packed += data[at + 8:at + 8 + length]
            at += 12 + length
        self._rows = self._unfilter(zlib.decompress(packed))

    def _unfilter(self, raw):
        rows, step, stride = [], self.channels, self.width * self.channels
        above = bytearray(stride)
        for y in range(self.height):
            kind, row = raw[y * (stride + 1)], bytearray(raw[y * (stride + 1) + 1:(y + 1) * (stride + 1)])
            for i in range(stride):
                left = row[i - step] if i >= step else 0
                up, corner = above[i], above[i - step] if i >= step else 0
                if kind == 1:
                    row[i] = (row[i] + left) & 255
                elif kind == 2:
                    row[i] = (row[i] + up) & 255
                elif kind == 3:
                    row[i] = (row[i] + (left + up) // 2) & 255
                elif kind == 4:
                    guess = left + up - corner
                    nearest = min((left, up, corner), key=lambda each: abs(guess - each))
                    row[i] = (row[i] + nearest) & 255
            rows.append(row)
            above = row
        return rows

    def pixel(self, x, y):
        """"#rrggbb"."""
        row = self._rows[y]
        return "#" + bytes(row[x * self.channels:x * self.channels + 3]).hex()

    def column(self, x):
        return {self.pixel(x, y) for y in range(self.height)}

    def colours(self):
        return {self.pixel(x, y) for y in range(0, self.height, 2) for x in range(0, self.width, 2)}


def picture(url, path, width, height, scheme=LIGHT):
    """Loads the page, leaves the picture at `path`, and returns it."""
    _run(f"--window-size={width},{height}", f"--blink-settings=preferredColorScheme={scheme}", f"--screenshot={path}", url)
    return Picture(path.read_bytes())

"""Reads a system call trace of a WAL receiver, and holds each acknowledgement against the syncs before it."""

import pathlib
import re

SEGMENT_BYTES = 1 << 20
_CALL = re.compile(r"^(?P<pid>\d+) +(?P<name>\w+)\((?P<arguments>.*)\) += (?P<result>-?\d+)")
_UNFINISHED = re.compile(r"^(?P<pid>\d+) +(?P<text>\w+\(.*) <unfinished \.\.\.>$")
_RESUMED = re.compile(r"^(?P<pid>\d+) +<\.\.\. \w+ resumed>(?P<text>.*)$")
_STATUS_MESSAGE = 34  # bytes of a standby status update
_COPY_HEADER = 5      # 'd' and its length


def _calls(path):
    """(name, arguments, result) in the order in which they ended."""
    begun = {}
    for line in pathlib.Path(path).read_text().splitlines():
        if unfinished := _UNFINISHED.match(line):
            begun[unfinished["pid"]] = unfinished["text"]
            continue
        if resumed := _RESUMED.match(line):
            line = f"{resumed['pid']} {begun.pop(resumed['pid'], '')}{resumed['text']}"
        if call := _CALL.match(line):
            yield call["name"], call["arguments"], int(call["result"])


def _bytes(text):
    return bytes.fromhex(text.replace("\\x", ""))


def _segment_start(name):
    return (int(name[8:16], 16) * (0x100000000 // SEGMENT_BYTES) + int(name[16:24], 16)) * SEGMENT_BYTES


def check(path):
    """How many acknowledgements moved the flush position; AssertionError at the first without a sync that covers it."""
    start, written, safe, told, count = {}, {}, 0, 0, 0
    for name, arguments, result in _calls(path):
        if name == "openat" and result >= 0:
            opened = _bytes(re.search(r'"([^"]*)"', arguments)[1]).decode()
            start.pop(result, None)
            if opened.endswith(".partial") and "O_RDWR" in arguments:
                start[result] = _segment_start(opened.rsplit("/", 1)[1])
                written[result] = 0
        elif name == "pwrite64" and result > 0:
            descriptor, offset = int(arguments.split(",")[0]), int(arguments.rsplit(",", 1)[1])
            if descriptor in start:
                written[descriptor] = max(written[descriptor], offset + result)
        elif name in ("fdatasync", "fsync") and result == 0:
            descriptor = int(arguments.split(",")[0])
            if descriptor in start:
                safe = max(safe, start[descriptor] + written[descriptor])
        elif name == "sendto" and result == _COPY_HEADER + _STATUS_MESSAGE:
            message = _bytes(re.search(r'"([^"]*)"', arguments)[1])
            if message[:1] == b"d" and message[_COPY_HEADER:_COPY_HEADER + 1] == b"r":
                flushed = int.from_bytes(message[_COPY_HEADER + 9:_COPY_HEADER + 17], "big")
                if flushed > safe:
                    raise AssertionError(f"{flushed:X} was acknowledged when {safe:X} was synced")
                count += flushed > told
                told = max(told, flushed)
    return count

"""PostgreSQL's own judgement of a restored data directory."""

import hashlib
import pathlib
import re
import struct
import tempfile

from . import processes
from .versions import DEBIAN_MAJOR, client_program

PAGE_SIZE = 8192
RELATION_SEGMENT_BLOCKS = 131072
_N_SUMS = 32
_PRIME = 16777619
_OFFSETS = (
    0x5B1F36E9, 0xB8525960, 0x02AB50AA, 0x1DE66D2A, 0x79FF467A, 0x9BB9F8A3, 0x217E7CD2, 0x83E13D2C,
    0xF8D4474F, 0xE39EB970, 0x42C6AE16, 0x993216FA, 0x7B093B5D, 0x98DAFF3C, 0xF718902A, 0x0B1C9CDB,
    0xE58F764B, 0x187636BC, 0x5D7B3BB1, 0xE73DE7DE, 0x92BEC979, 0xCCA6C0B2, 0x304A0979, 0x85AA43D4,
    0x783125BB, 0x6CA8EAA2, 0xE407EAC6, 0x4B5CFC3E, 0x9FBF8C76, 0x15CA20BE, 0xF2CA9FD3, 0x959BD756,
)


def verify_backup(server_version, data_directory):
    """pg_verifybackup 15 against the server's own manifest, which must be true to its own checksum. It cannot parse the WAL of other
    majors, and not even find its program there: hence without WAL, which starting the server proves anyway."""
    arguments = [] if server_version.major == DEBIAN_MAJOR else ["--no-parse-wal"]
    manifest = pathlib.Path(data_directory, "backup_manifest").read_text()
    body, _, last_line = manifest.rpartition('"Manifest-Checksum"')
    if hashlib.sha256(body.encode()).hexdigest() not in last_line:
        raise AssertionError("backup_manifest is not what its own checksum says")
    # 17 added the system identifier and made that version 2, which the program of 15 refuses.
    body = re.sub(r'"PostgreSQL-Backup-Manifest-Version": 2,\n"System-Identifier": \d+,', '"PostgreSQL-Backup-Manifest-Version": 1,', body)
    with tempfile.NamedTemporaryFile("w", suffix=".manifest") as readable:
        readable.write(f'{body}"Manifest-Checksum": "{hashlib.sha256(body.encode()).hexdigest()}"}}\n')
        readable.flush()
        processes.own(readable.name)
        processes.run([client_program("pg_verifybackup"), *arguments, "-m", readable.name, data_directory],
                      user="postgres", timeout_seconds=300)


def amcheck(server):
    """pg_amcheck over all databases, heap and indexes. It needs the amcheck extension, which it installs."""
    if server.version.major == 13:  # its amcheck knows nothing of heaps, and pg_amcheck needs that
        server.execute("create extension amcheck")
        server.execute("select bt_index_check(i.indexrelid, true) from pg_index i join pg_class c on c.oid = i.indexrelid"
                       " join pg_am a on a.oid = c.relam where a.amname = 'btree' and c.relpersistence = 'p' and i.indisvalid")
        return
    processes.run([client_program("pg_amcheck"), "-h", server.run_directory, "-p", str(server.port), "-U", "postgres",
                   "--all", "--install-missing", "--heapallindexed"], user="postgres", timeout_seconds=300)


def page_checksum(page, block):
    """PostgreSQL's checksum of a page (checksum_impl.h: 32 parallel FNV-1a sums, mixed and folded)."""
    words = list(struct.unpack("<2048I", page))
    words[2] &= 0xFFFF0000  # pd_checksum itself counts as zero
    sums = list(_OFFSETS)
    for row in range(0, len(words) + 2 * _N_SUMS, _N_SUMS):  # two more rounds of zeros
        for lane in range(_N_SUMS):
            mixed = sums[lane] ^ (words[row + lane] if row < len(words) else 0)
            sums[lane] = ((mixed * _PRIME) & 0xFFFFFFFF) ^ (mixed >> 17)
    result = 0
    for value in sums:
        result ^= value
    return ((result ^ block) % 65535) + 1


def _segment_number(path):
    _, _, number = path.name.partition(".")
    return int(number) if number else 0


def relation_files(data_directory):
    """Main and other forks of all relations beneath base, global and the tablespaces."""
    for folder in ("base", "global", "pg_tblspc"):
        for path in sorted(pathlib.Path(data_directory, folder).glob("**/*" if folder != "pg_tblspc" else "*/*/**/*")):
            if path.name[0].isdigit() and path.is_file():
                yield path


def broken_pages(version, data_directory, *, page_limit=4000):
    """[(file, block)] whose checksum is wrong, of a cluster that was shut down (a backup's torn pages heal in recovery).
    Debian's pg_checksums judges its own version, in full; for others the same is computed here, for at most page_limit pages
    (evenly over the files), as Python is slow."""
    if version.major == DEBIAN_MAJOR:
        code, out, err = processes.run([client_program("pg_checksums"), "--check", "-D", data_directory], user="postgres", check=False)
        return [] if code == 0 else [(out + err, 0)]
    files = [path for path in relation_files(data_directory)]
    total = sum(path.stat().st_size // PAGE_SIZE for path in files)
    step = max(1, total // page_limit)
    broken, position = [], 0
    for path in files:
        with open(path, "rb") as file:
            for block in range(path.stat().st_size // PAGE_SIZE):
                position += 1
                if position % step:
                    continue
                file.seek(block * PAGE_SIZE)
                page = file.read(PAGE_SIZE)
                is_new = not any(page[14:16])  # pd_upper of a page that was only allocated
                number = block + _segment_number(path) * RELATION_SEGMENT_BLOCKS
                if not is_new and page_checksum(page, number) != struct.unpack_from("<H", page, 8)[0]:
                    broken.append((str(path), block))
    return broken

"""Which PostgreSQL servers there are: Debian's, and those of tests/fetch-postgres."""

import dataclasses
import os
import pathlib

CACHE = pathlib.Path(os.environ.get("PGRECALL_TEST_CACHE", "/var/cache/pgrecall-tests"))
MAJORS = (13, 14, 15, 16, 17, 18)
DEBIAN_MAJOR = 15  # the one with all client tools
NEWEST = MAJORS[-1]


@dataclasses.dataclass(frozen=True)
class PostgresVersion:
    major: int
    bin: pathlib.Path

    def program(self, name):
        return str(self.bin / name)


def _bin_directory(major):
    if major == DEBIAN_MAJOR:
        return pathlib.Path(f"/usr/lib/postgresql/{major}/bin")
    return CACHE / f"postgres-{major}/native/bin"


def version(major):
    directory = _bin_directory(major)
    if not (directory / "postgres").exists():
        raise FileNotFoundError(f"no PostgreSQL {major} at {directory}; run tests/fetch-postgres")
    return PostgresVersion(major, directory)


def installed_versions():
    """All of MAJORS. One that is missing is an error: a version that is silently not tested is not supported."""
    return [version(major) for major in MAJORS]


def client_program(name):
    """One of Debian's client tools; they are older than some of the servers."""
    return str(_bin_directory(DEBIAN_MAJOR) / name)

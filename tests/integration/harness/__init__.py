"""Real PostgreSQL servers, load, and the pgrecall binary, for the integration tests.

Tests run as root with /usr/bin/python3; servers run as user postgres. Everything a test starts or creates hangs on
the test's own temporary directory and ends with it.
"""

from .case import IntegrationTest, main
from .checks import amcheck, broken_pages, verify_backup
from .digest import difference, dump_everything
from .load import Load, broken_invariants
from .server import Server
from .tool import Pgrecall, Result
from .versions import NEWEST, PostgresVersion, installed_versions

__all__ = [
    "IntegrationTest", "Load", "NEWEST", "Pgrecall", "PostgresVersion", "Result", "Server",
    "amcheck", "broken_invariants", "broken_pages", "difference", "dump_everything", "installed_versions", "main", "verify_backup",
]

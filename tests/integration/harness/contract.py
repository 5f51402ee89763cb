"""Names that the tests rely on in pgrecall's JSON and command line, in one place."""

DONE = 0
FAILED = 1
USAGE = 2
WARNINGS = 3
CONFIGURATION = 4
NO_REPOSITORY = 10
HELD = 11
WRONG_KEY = 12
CORRUPTION = 13
DATABASE_UNREACHABLE = 14
STORE_UNREACHABLE = 15
TARGET_UNREACHABLE = 16
CANCELLED = 130


def backup_id(document):
    """The id of what `backup --output json` or `show --output json` tells."""
    return document["backup"]["id"]


def listed_ids(document):
    """Ids in `list CLUSTER --output json`, oldest first."""
    return [backup["id"] for cluster in document["clusters"] for backup in cluster["backups"]]


def stored_bytes(document):
    """What a backup put into the repository."""
    return document["backup"]["stored_bytes"]


def findings(document):
    """Findings of `verify --output json`."""
    return document["verify"]["findings"]


def page_failures(document):
    """[(file, block)] of a backup's recorded bad pages."""
    return [(failure["file"], failure["block"]) for failure in document["backup"]["page_failures"]]

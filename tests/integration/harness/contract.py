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

COMMIT_OBJECT = "summary"  # clusters/<cluster>/backups/<id>/summary


def backup_id(document):
    """The id in what `backup --output json` prints last."""
    return document["backup"]["id"] if "backup" in document else document["id"]


def listed_ids(document):
    """Ids in `list --output json`, oldest first."""
    backups = document["backups"] if isinstance(document, dict) else document
    return [backup["id"] for backup in backups]


def stored_bytes(document):
    backup = document.get("backup", document)
    return backup["stored_bytes"]


def findings(document):
    """Findings of `verify --output json`."""
    return document["findings"]


def page_failures(document):
    """[(file, block)] of a backup's recorded bad pages."""
    backup = document.get("backup", document)
    return [(failure["file"], failure["block"]) for failure in backup["page_failures"]]

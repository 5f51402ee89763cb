"""A digest of everything in a server: every table, catalog, sequence, materialized view and large object.

pg_dump of Debian's version does not read newer servers. COPY does, and as a restore is physical, even the order of the
rows must be equal, so nothing is sorted.
"""

import hashlib

RELATIONS = """
    select format('%I.%I', n.nspname, c.relname), c.relkind
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'm', 'S') and c.relpersistence = 'p' and n.nspname not like 'pg_toast%'
    order by 1"""


class _Hash:
    def __init__(self):
        self.hash = hashlib.sha256()
        self.size = 0

    def write(self, data):
        self.hash.update(data)
        self.size += len(data)

    def __str__(self):
        return f"{self.size} bytes, sha256 {self.hash.hexdigest()}"


def dump_everything(server):
    """{"database: relation": digest} for all databases but template0. Unlogged tables are left out (recovery empties them)."""
    found = {}
    for (database,) in server.execute("select datname from pg_database where datallowconn order by 1"):
        connection = server.connect(database)
        try:
            with connection.cursor() as cursor:
                cursor.execute("set synchronize_seqscans = off; set extra_float_digits = 3; set bytea_output = hex")
                cursor.execute(RELATIONS)
                for relation, kind in cursor.fetchall():
                    digest = _Hash()
                    cursor.copy_expert(f"copy (select * from {relation}) to stdout", digest)
                    found[f"{database}: {relation}"] = str(digest)
        finally:
            connection.close()
    return found


def difference(expected, found):
    """What differs between two digests, one line each; empty when they are equal."""
    names = sorted(expected.keys() | found.keys())
    return [f"{name}: {expected.get(name, 'missing')} / {found.get(name, 'missing')}"
            for name in names if expected.get(name) != found.get(name)]

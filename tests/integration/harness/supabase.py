"""A server shaped like self-hosted Supabase's stock image, made of plain PostgreSQL: its roles, schemas, owners, rules and settings, none of
its code. What it preloads are small contrib modules under the names of Supabase's libraries, in a directory that only this server looks
into, so that it starts and a host where its copy is restored lacks them."""

import pathlib
import shutil

from . import digest, processes, versions
from .server import Server

ADMIN = "supabase_admin"  # made the cluster; the only superuser
PRELOADED = ("pgaudit", "plpgsql_check", "pg_cron", "pg_net", "pgsodium", "pg_tle", "plan_filter", "supabase_vault")
PRELOADED_BY_SESSIONS = ("supautils", "safeupdate")
SETTINGS = {
    "wal_level": "logical",
    "max_wal_senders": "10",
    "max_replication_slots": "5",
    "max_slot_wal_keep_size": "4096MB",
    "max_connections": "100",
    "archive_mode": "off",
    "ssl": "off",
    "password_encryption": "scram-sha-256",
    "shared_preload_libraries": f"pg_stat_statements, auto_explain, {', '.join(PRELOADED)}",
    "session_preload_libraries": PRELOADED_BY_SESSIONS[0],
    "cron.database_name": "postgres",
    "pgsodium.getkey_script": "/usr/lib/postgresql/bin/pgsodium_getkey.sh",
}
# No `replication` line. The image trusts its own loopback, which nobody outside its container comes from: here that is 127.0.0.9, and
# 127.0.0.1 is outside, as with a published port.
RULES = (
    "local all all peer map=supabase_map",
    "host all all 127.0.0.9/32 trust",
    "host all all 10.0.0.0/8 scram-sha-256",
    "host all all 172.16.0.0/12 scram-sha-256",
    "host all all 192.168.0.0/16 scram-sha-256",
    "host all all 0.0.0.0/0 scram-sha-256",
)
CATALOG = {
    "roles": "select rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication, rolbypassrls, rolpassword from pg_authid",
    "members": "select roleid::regrole::text, member::regrole::text, admin_option from pg_auth_members",
    "settings of roles": "select d.datname, r.rolname, unnest(s.setconfig) from pg_db_role_setting s left join pg_database d on d.oid = s.setdatabase"
                         " left join pg_roles r on r.oid = s.setrole",
    "schemas": "select nspname, nspowner::regrole::text, nspacl::text from pg_namespace where nspname !~ '^pg_t'",
    "relations": "select oid::regclass::text, relkind, relowner::regrole::text, relacl::text, relrowsecurity, reloptions::text from pg_class"
                 " where relnamespace::regnamespace::text !~ '^(pg_|information_schema)'",
    "columns": "select attrelid::regclass::text, attnum, attname, format_type(atttypid, atttypmod), attnotnull, attidentity, attgenerated,"
               " attacl::text from pg_attribute a join pg_class c on c.oid = attrelid where attnum > 0 and relkind in ('r', 'p', 'v')"
               " and relnamespace::regnamespace::text !~ '^(pg_|information_schema)'",
    "constraints": "select conrelid::regclass::text, conname, pg_get_constraintdef(oid) from pg_constraint where conrelid <> 0",
    "policies": "select schemaname, tablename, policyname, permissive, roles::text, cmd, qual, with_check from pg_policies",
    "triggers": "select tgrelid::regclass::text, tgname, tgenabled, pg_get_triggerdef(oid) from pg_trigger where not tgisinternal",
    "event triggers": "select evtname, evtevent, evtowner::regrole::text, evtfoid::regproc::text, evtenabled, evttags::text from pg_event_trigger",
    "functions": "select oid::regprocedure::text, proowner::regrole::text, proacl::text, prosecdef, proconfig::text, prosrc from pg_proc"
                 " where pronamespace::regnamespace::text !~ '^(pg_|information_schema)'",
    "default privileges": "select defaclrole::regrole::text, defaclnamespace::regnamespace::text, defaclobjtype, defaclacl::text from pg_default_acl",
    "publications": "select pubname, pubowner::regrole::text, schemaname, tablename from pg_publication left join pg_publication_tables using (pubname)",
    "extensions": "select extname, extversion, extnamespace::regnamespace::text from pg_extension",
}


class Recovered(Server):
    """Its copy on another host, where its libraries and its configuration are not."""

    def connect(self, database="postgres", user=ADMIN, **options):
        return super().connect(database, user, **options)


class Supabase(Recovered):
    """The original. Tests look into it over its socket as supabase_admin; pgrecall comes over TCP, where every role needs its password."""

    @classmethod
    def create(cls, version, directory, *, options=None):
        directory = pathlib.Path(directory)
        server = super().create(version, directory, options=options, checksums=False, initdb_arguments=["-U", ADMIN])
        server._configure(directory / "etc", directory / "lib")
        server.listen_tcp()
        return server

    def _configure(self, etc, libraries):
        """In a directory of its own, outside the data directory."""
        library = next(path for path in (self.version.bin.parent / "lib/moddatetime.so", self.version.bin.parent / "lib/postgresql/moddatetime.so")
                       if path.exists())
        libraries.mkdir()
        for name in PRELOADED + PRELOADED_BY_SESSIONS:
            shutil.copy(library, libraries / f"{name}.so")
        etc.mkdir()
        settings = {**SETTINGS, "hba_file": etc / "pg_hba.conf", "ident_file": etc / "pg_ident.conf", "data_directory": self.data,
                    "dynamic_library_path": f"$libdir:{libraries}"}
        (etc / "postgresql.conf").write_text("".join(f"{name} = '{value}'\n" for name, value in settings.items()))
        (etc / "pg_hba.conf").write_text("\n".join(RULES) + "\n")
        (etc / "pg_ident.conf").write_text(f"supabase_map root {ADMIN}\nsupabase_map postgres {ADMIN}\nsupabase_map postgres postgres\n")
        for path in (etc, *etc.iterdir()):
            processes.own(path)
        for name in SETTINGS:
            self.options.pop(name, None)
        self.options["config_file"] = str(etc / "postgresql.conf")

    def fill_in(self):
        """The roles, schemas and rows of supabase.sql, and a role for pgrecall as its documents advise it."""
        self.execute(pathlib.Path(__file__).with_name("supabase.sql").read_text())
        self.execute("create role backup login replication password 'backup secret'")
        return self

    def restored(self, data_directory, run_directory):
        """A server for a data directory restored from this one; not started."""
        return Recovered(self.version, data_directory, run_directory)

    def published(self, user="backup", database="postgres"):
        """How others connect, without the password."""
        return f"host=127.0.0.1 port={self.port} user={user} dbname={database}"


def new(test, major=versions.DEBIAN_MAJOR):
    """One that runs and has everything in it, until the test ends."""
    test.servers += 1
    server = Supabase.create(versions.version(major), test.directory / f"s{test.servers}")
    test.addCleanup(server.remove)
    return server.start().fill_in()


def shape(server):
    """{what: lines} of all that people can see: rows of every table, and the catalogs by names instead of oids. Two servers with the same
    data and the same rules have the same shape, also when one was restored from a dump."""
    found = {}
    connection = server.connect()
    try:
        with connection.cursor() as cursor:
            cursor.execute("set search_path = ''; set statement_timeout = 0")
            for what, query in CATALOG.items():
                cursor.execute(query)
                found[what] = sorted(map(repr, cursor.fetchall()))
            cursor.execute(digest.RELATIONS.replace("order by", "and n.nspname !~ '^(pg_|information_schema)' order by"))
            for relation in [name for name, kind in cursor.fetchall() if kind != "S"]:  # WAL is ahead of sequences: a copy's have skipped some
                cursor.execute(f"select t::text from {relation} t")
                found[f"rows of {relation}"] = sorted(row[0] for row in cursor.fetchall())
    finally:
        connection.close()
    return found


def difference(expected, found, *, without=()):
    """What differs between two shapes, one line each."""
    lines = []
    for what in sorted((expected.keys() | found.keys()) - set(without)):
        before, after = set(expected.get(what, [])), set(found.get(what, []))
        lines += [f"{what}: missing {line}" for line in sorted(before - after)] + [f"{what}: new {line}" for line in sorted(after - before)]
    return lines

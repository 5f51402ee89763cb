"""A write load whose every commit keeps invariants, so that any consistent state of the database can be judged."""

import hashlib
import itertools
import random
import threading

import psycopg2

SCHEMA = """
    create table account (id int primary key, balance bigint not null);
    insert into account select i, 1000 from generate_series(1, 200) i;
    create table pair_left (tx bigint primary key, payload text not null);
    create table pair_right (tx bigint primary key, payload text not null);
    create table churn (name text primary key, rows bigint not null);
    create table document (id oid primary key, md5 text not null);
    create unlogged table scratch (id int, filler text);
    create index on scratch (id);
"""
ACCOUNT_TOTAL = 200 * 1000


class Load:
    """Threads that write into database `database` of a server until stop(). Invariants, true at every commit:

    - the balances of `account` add up to ACCOUNT_TOTAL;
    - `pair_left` and `pair_right` hold the same rows, each with md5(tx) as its payload;
    - `churn` names exactly the tables churn_*, each with as many rows as it says, each row's payload true to its id;
    - `document` names exactly the large objects, each with the MD5 of its content.

    What changes meanwhile: tables are created (in the tablespaces too), dropped, truncated and refilled, extended, updated,
    vacuumed full and plain; large objects come and go; an unlogged table is written.
    """

    def __init__(self, server, database="postgres", tablespaces=(), seed=1):
        self.server = server
        self.database = database
        self.tablespaces = ["pg_default", *tablespaces]
        self.seed = seed
        self.commits = 0
        self._stop = threading.Event()
        self._failures = []
        self._threads = []
        self._numbers = itertools.count(1)

    def prepare(self):
        self.server.execute(SCHEMA, database=self.database)
        return self

    def __enter__(self):
        workers = [self._transfer, self._write_pairs, self._churn, self._churn, self._vacuum_full, self._documents, self._scratch]
        self._threads = [threading.Thread(target=self._work, args=(worker, index), daemon=True) for index, worker in enumerate(workers)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        """Ends the load; raises what a worker failed with."""
        self._stop.set()
        for thread in self._threads:
            thread.join()
        self._threads = []
        if self._failures:
            raise self._failures[0]

    def wait_for_commits(self, count):
        """Blocks until `count` more commits were made."""
        wanted = self.commits + count
        self.server.wait_for(lambda: self._failures or self.commits >= wanted, f"{count} commits of the load", 60)

    def _work(self, worker, index):
        dice = random.Random(self.seed * 1000 + index)
        try:
            connection = self.server.connect(self.database)
            try:
                while not self._stop.is_set():
                    with connection.cursor() as cursor:
                        worker(cursor, dice)
                    self.commits += 1
            finally:
                connection.close()
        except psycopg2.Error as error:
            if not self._stop.is_set():
                self._failures.append(error)

    @staticmethod
    def _transfer(cursor, dice):
        low, high = sorted(dice.sample(range(1, 201), 2))
        amount = dice.randint(-50, 50)
        cursor.execute(
            "begin; update account set balance = balance - %s where id = %s; update account set balance = balance + %s where id = %s; commit",
            (amount, low, amount, high),
        )

    def _write_pairs(self, cursor, dice):
        number = next(self._numbers)
        cursor.execute(
            "begin; insert into pair_left values (%s, md5(%s)); insert into pair_right values (%s, md5(%s)); commit",
            (number, str(number)) * 2,
        )
        if dice.random() < 0.1:
            victim = dice.randint(1, number)
            cursor.execute("begin; delete from pair_left where tx = %s; delete from pair_right where tx = %s; commit", (victim, victim))

    def _churn(self, cursor, dice):
        """The whole life of one table, a transaction a step; each leaves `churn` true."""
        name = f"churn_{next(self._numbers)}"
        tablespace = dice.choice(self.tablespaces)
        fill = f"insert into {name} select i, md5(i::text) from generate_series(%s, %s) i"
        rows = dice.randint(1, 2000)
        cursor.execute(
            f"begin; create table {name} (id bigint, payload text) tablespace {tablespace}; create index on {name} (id);"
            f"{fill}; insert into churn values (%s, %s); commit", (1, rows, name, rows))
        for _ in range(dice.randint(0, 4)):
            step = dice.choice(("extend", "truncate", "update", "vacuum"))
            if step == "extend":
                more = dice.randint(1, 20000)
                cursor.execute(f"begin; {fill}; update churn set rows = rows + %s where name = %s; commit", (rows + 1, rows + more, more, name))
                rows += more
            elif step == "truncate":
                rows = dice.randint(0, 3000)
                cursor.execute(f"begin; truncate {name}; {fill}; update churn set rows = %s where name = %s; commit", (1, rows, rows, name))
            elif step == "update":
                cursor.execute(f"update {name} set payload = md5(id::text) where id %% 3 = %s", (dice.randint(0, 2),))
            else:
                cursor.execute(f"vacuum (full) {name}" if dice.random() < 0.5 else f"vacuum {name}")
        if dice.random() < 0.8:
            cursor.execute(f"begin; drop table {name}; delete from churn where name = %s; commit", (name,))

    def _vacuum_full(self, cursor, dice):
        cursor.execute(f"vacuum full {dice.choice(('account', 'pair_left', 'pair_right', 'document'))}")

    @staticmethod
    def _documents(cursor, dice):
        content = dice.randbytes(dice.randint(1, 200000))
        cursor.execute(
            "begin; insert into document select lo_from_bytea(0, %s), %s; commit",
            (psycopg2.Binary(content), hashlib.md5(content).hexdigest()),
        )
        cursor.execute("select id from document order by id")
        documents = [row[0] for row in cursor.fetchall()]
        if len(documents) > 20:
            victim = dice.choice(documents)
            cursor.execute("begin; select lo_unlink(%s); delete from document where id = %s; commit", (victim, victim))

    @staticmethod
    def _scratch(cursor, dice):
        cursor.execute("insert into scratch select i, repeat('x', 500) from generate_series(1, %s) i", (dice.randint(1, 500),))
        if dice.random() < 0.05:
            cursor.execute("truncate scratch")


def broken_invariants(server, database="postgres", *, recovered=True):
    """What is wrong with the state the load left, as lines; empty when every invariant holds."""
    problems = []

    def expect(sql, expected, what):
        found = server.scalar(sql, database=database)
        if found != expected:
            problems.append(f"{what}: {found}, expected {expected}")

    expect("select sum(balance) from account", ACCOUNT_TOTAL, "sum of balances")
    expect("select count(*) from pair_left full join pair_right using (tx) where pair_left.payload is distinct from md5(tx::text)"
           " or pair_right.payload is distinct from md5(tx::text)", 0, "pairs torn apart")
    registered = dict(server.execute("select name, rows from churn", database=database))
    existing = {row[0] for row in server.execute("select relname from pg_class where relkind = 'r' and relname like 'churn\\_%'", database=database)}
    if registered.keys() != existing:
        problems.append(f"tables not as registered: {sorted(registered.keys() ^ existing)}")
    for name in sorted(registered.keys() & existing):
        expect(f"select count(*) from {name}", registered[name], f"rows of {name}")
        expect(f"select count(*) from {name} where payload is distinct from md5(id::text)", 0, f"false rows of {name}")
    expect("select count(*) from document full join pg_largeobject_metadata m on m.oid = document.id"
           " where m.oid is null or document.id is null", 0, "large objects without a row, or rows without one")
    expect("select count(*) from document left join pg_largeobject_metadata m on m.oid = document.id"
           " where case when m.oid is not null then md5(lo_get(id)) <> md5 end", 0, "large objects with other content")
    if recovered:
        expect("select count(*) from scratch", 0, "rows of the unlogged table after recovery")
        server.execute("insert into scratch values (1, 'still usable'); delete from scratch", database=database)
    return problems

#!/usr/bin/python3
"""Every single store operation of a small backup fails in turn, in every way; the repository verifies after each."""

import os

from harness import IntegrationTest, main, processes

PROGRAM = os.environ.get("PGRECALL_STORE_FAULTS", "")


class StoreFaults(IntegrationTest):
    needs_binary = False

    def test_every_operation_fails_once(self):
        source = self.create_server(initdb_arguments=["--wal-segsize=1"], options={"checkpoint_timeout": "1d"})
        source.execute("create table small as select generate_series(1, 1000) as i")
        process = processes.start([PROGRAM, source.conninfo(), str(self.directory)], stdin=processes.NOTHING,
                                  stdout=processes.PIPE, stderr=processes.PIPE)
        code, out, err, _ = processes.collect(process, 1500)
        self.assertEqual(0, code, out + err)
        lines = out.splitlines()
        self.assertEqual(8, len(lines), out)
        for line in lines:
            # A backup that makes only a handful of calls to its store is none: the faults were not injected.
            self.assertGreater(int(line.split(": ")[1].split()[0]), 3, out)


if __name__ == "__main__":
    main()

#!/usr/bin/python3
"""200,000 small files: memory stays bounded in backup, restore, list and verify, and every file comes back."""

import os

from harness import IntegrationTest, main, processes

FILES = 200_000
FILES_PER_DIRECTORY = 1000
MEMORY_LIMIT_BYTES = 256 << 20


class SmallFiles(IntegrationTest):
    def content(self, number):
        return b"file %d\n" % number * (number % 20)  # none to 300 bytes

    def make_files(self, data):
        for start in range(0, FILES, FILES_PER_DIRECTORY):
            directory = data / "many" / f"d{start}"
            os.makedirs(directory)
            for number in range(start, start + FILES_PER_DIRECTORY):
                with open(directory / f"f{number}", "wb") as file:
                    file.write(self.content(number))
        processes.run(["chown", "-R", "postgres:", data / "many"])

    def test_memory_is_bounded_and_every_file_comes_back(self):
        source = self.create_server()
        self.make_files(source.data)
        tool = self.pgrecall(source)
        into = self.directory / "restored"
        runs = {
            "backup": tool.run("backup", "prod", timeout_seconds=300),
            "second backup": tool.run("backup", "prod", timeout_seconds=300),
            "list": tool.run("list", "prod"),
            "show": tool.run("show", "prod", "latest", "--output", "json"),
            "verify": tool.run("verify", "prod", timeout_seconds=300),
            "dry run": tool.restore("prod", into, "--dry-run"),
            "restore": tool.restore("prod", into, timeout_seconds=300),
            "restore over it": tool.restore("prod", into, "--delta", timeout_seconds=300),
        }
        print({name: f"{run.peak_rss_bytes >> 20} MiB" for name, run in runs.items()})
        self.assertEqual({}, {name: run.peak_rss_bytes for name, run in runs.items() if run.peak_rss_bytes > MEMORY_LIMIT_BYTES})
        for number in range(FILES):
            path = into / "many" / f"d{number - number % FILES_PER_DIRECTORY}" / f"f{number}"
            with open(path, "rb") as file:
                if file.read() != self.content(number):
                    self.fail(f"{path} has other content")
        objects = sum(1 for path in tool.repository.rglob("*") if path.is_file())
        self.assertLess(objects, FILES // 1000, "small files are not bundled")


if __name__ == "__main__":
    main()

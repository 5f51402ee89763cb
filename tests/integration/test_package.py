#!/usr/bin/python3
"""The Debian package: what is in it, that it installs, works and goes away again, and the units in it. (With systemd as PID 1:
tests/integration/systemd-service.)"""

import re
import shutil
import subprocess

from harness import IntegrationTest, main
from harness.tool import BINARY

BUILD = BINARY.parents[1]
EXPOSURE_LIMIT = 2.0  # of systemd-analyze security


def run(*argv, **arguments):
    return subprocess.run([str(each) for each in argv], check=True, capture_output=True, text=True, timeout=120, **arguments).stdout


class Package(IntegrationTest):
    def setUp(self):
        super().setUp()
        run("cpack", "--config", BUILD / "CPackConfig.cmake", "-B", self.directory / "built")
        [self.package] = (self.directory / "built").glob("*.deb")
        self.root = self.directory / "root"
        for each in ("etc", "var/lib/dpkg/updates", "var/lib/dpkg/info", "tmp", "run"):
            (self.root / each).mkdir(parents=True)
        (self.root / "var/lib/dpkg/status").touch()

    def dpkg(self, *arguments):
        return run("dpkg", f"--root={self.root}", "--force-depends", "--force-script-chrootless", "--log=/dev/null", *arguments)

    def files(self):
        return {str(path.relative_to(self.root)) for path in self.root.rglob("*") if path.is_file() and "dpkg" not in str(path)}

    def test_contents(self):
        self.assertRegex(self.package.name, r"^pgrecall_[0-9.]+_amd64\.deb$")
        listed = run("dpkg-deb", "-c", self.package)
        for path in ("/usr/bin/pgrecall", "/usr/lib/systemd/system/pgrecall.service", "/usr/lib/systemd/system/pgrecall-failure@.service",
                     "/usr/lib/sysusers.d/pgrecall.conf", "/usr/lib/tmpfiles.d/pgrecall.conf", "/usr/share/man/man1/pgrecall.1",
                     "/usr/share/bash-completion/completions/pgrecall", "/etc/pgrecall/pgrecall.example.yaml",
                     "/usr/share/pgrecall/pgrecall.schema.json", "/usr/share/pgrecall/scripts/manual-backup.sh",
                     "/usr/share/doc/pgrecall/copyright", "/usr/share/pgrecall/prometheus/pgrecall.rules.yaml",
                     "/usr/share/pgrecall/grafana/pgrecall.json", "/usr/share/doc/pgrecall/runbooks/PgrecallDown.md",
                     "/usr/share/doc/pgrecall/recovery/decision-tree.md", "/usr/share/doc/pgrecall/wal.md"):
            self.assertIn(f" .{path}\n", listed)
        self.assertNotIn("/usr/local", listed)
        self.assertEqual({"root/root"}, {line.split()[1] for line in listed.splitlines()})
        depends = run("dpkg-deb", "-f", self.package, "Depends")
        for library in re.findall(r"=> /\S*/(lib(?:pq|curl|date|fmt|yaml|zstd|sodium)\S*?)\.so", run("ldd", BINARY)):
            self.assertIn(library.split("-")[0], depends, "each library that is linked is a dependency")
        self.assertIn("tzdata", depends)

    def test_install_use_upgrade_remove_purge(self):
        self.dpkg("-i", self.package)
        self.assertIn("pgrecall:x:", (self.root / "etc/passwd").read_text())
        self.assertEqual(0o700, (self.root / "etc/pgrecall/secrets").stat().st_mode & 0o777)
        self.assertEqual(0o750, (self.root / "var/lib/pgrecall").stat().st_mode & 0o777)
        program = self.root / "usr/bin/pgrecall"
        self.assertEqual(run(BINARY, "version"), run(program, "version"))
        self.assertIn("is valid", self.checked_example(program))

        example = self.root / "etc/pgrecall/pgrecall.example.yaml"
        example.write_text("# mine\n")
        self.dpkg("-i", self.package)
        self.assertEqual("# mine\n", example.read_text(), "an upgrade keeps what the administrator wrote")

        (self.root / "etc/pgrecall/pgrecall.yaml").write_text("repositories: {}\n")
        (self.root / "var/lib/pgrecall/repository").mkdir()
        (self.root / "var/lib/pgrecall/repository/pgrecall.json").write_text("{}")
        self.dpkg("-r", "pgrecall")
        self.assertFalse(program.exists())
        self.assertTrue(example.exists())
        self.dpkg("-P", "pgrecall")
        self.assertFalse(example.exists())
        left = {path for path in self.files() if "pgrecall" in path}
        self.assertEqual({"etc/pgrecall/pgrecall.yaml", "var/lib/pgrecall/repository/pgrecall.json"}, left,
                         "what somebody wrote stays, and nothing else")

    def checked_example(self, program):
        result = subprocess.run([program, "config", "check", "--config", self.root / "etc/pgrecall/pgrecall.example.yaml"],
                                capture_output=True, text=True, timeout=60)
        self.assertIn(result.returncode, (0, 3), result.stdout)  # 3: the webhook's file is not there
        return result.stdout

    def test_install_without_a_package(self):
        prefix = self.directory / "prefix"
        installed = run("cmake", "--install", BUILD, "--prefix", prefix)
        outside = [line for line in installed.splitlines() if line.startswith("-- Installing:") and str(prefix) not in line]
        self.assertEqual([], outside, "below the prefix, and nowhere else")
        for path in ("bin/pgrecall", "lib/systemd/system/pgrecall.service", "share/man/man1/pgrecall.1"):
            self.assertTrue((prefix / path).exists(), path)
        self.assertEqual(run(BINARY, "version"), run(prefix / "bin/pgrecall", "version"))

    def test_units(self):
        run("dpkg-deb", "-x", self.package, self.root)
        units = self.root / "usr/lib/systemd/system"
        # What a machine has anyway: the targets that all services need, and kill.
        shutil.copytree("/lib/systemd/system", units, symlinks=True, dirs_exist_ok=True)
        (self.root / "bin").mkdir()
        shutil.copy("/bin/kill", self.root / "bin/kill")
        for unit in ("pgrecall.service", "pgrecall-failure@.service"):
            with self.subTest(unit):
                report = run("systemd-analyze", "security", "--offline=true", units / unit)
                exposure = float(re.search(r"Overall exposure level for \S+: ([0-9.]+)", report).group(1))
                self.assertLessEqual(exposure, EXPOSURE_LIMIT)
                # It only warns of what it does not know, with exit code 0.
                verified = subprocess.run(["systemd-analyze", "verify", "--man=no", f"--root={self.root}", unit], capture_output=True, text=True)
                ours = [line for line in verified.stderr.splitlines() if "pgrecall" in line]
                self.assertEqual([], ours)


main()

"""Pages of docs/ whose commands are run as they stand there, and what they print compared with what the page shows.

A page has blocks ```console: lines that begin with `$ ` look, or do no harm, lines that begin with `# ` change something; what
follows is output. `…` alone in a line stands for any lines, `(exit code 14)` behind the output for an exit code other than 0."""

import os
import re

WRITE = bool(os.environ.get("PGRECALL_WRITE_PAGES"))  # write into the pages what their commands print
LONGEST_LINE = 150
BACKUP_ID = r"\d{8}T\d{6}Z-(?:full|incr)"
EXIT = re.compile(r"^\(exit code (\d+)\)$")
_CONSOLE = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_STEP = re.compile(r"^<!-- state: (?P<state>\S+) -->$|^<!-- moment: (?P<moment>[^\n]+) -->$|<!-- state: (?P<inline>\S+) -->$|"
                   r"^<!-- file: (?P<file>\S+) -->\n```\w*\n(?P<text>.*?)^```$|"
                   r"^```console\n(?P<console>.*?)^```$", re.MULTILINE | re.DOTALL)


class Command:
    """A line of a console block, with the lines that it is said to print. `printed` is for what it did print."""

    def __init__(self, line):
        self.prompt, self.text = line[0], line[2:]
        self.shown = []
        self.printed = None

    @property
    def expected_exit(self):
        found = EXIT.match(self.shown[-1]) if self.shown else None
        return int(found[1]) if found else 0


def _commands(block):
    found = []
    for line in block.splitlines():
        if line.startswith(("$ ", "# ")):
            found.append(Command(line))
        else:
            found[-1].shown.append(line)
    return found


class Page:
    def __init__(self, path):
        self.path = path
        self.text = path.read_text()
        self.steps = []  # ("state", name), ("moment", text), ("file", path, text), ("command", Command): in order
        self.moments = {}  # for write(): what takes the place of a moment's text
        for found in _STEP.finditer(self.text):
            if found["state"] or found["inline"]:
                self.steps.append(("state", found["state"] or found["inline"]))
            elif found["moment"]:
                self.steps.append(("moment", found["moment"]))
            elif found["file"]:
                self.steps.append(("file", found["file"], found["text"]))
            else:
                self.steps += [("command", command) for command in _commands(found["console"])]

    @property
    def name(self):
        return self.path.stem

    @property
    def states(self):
        return [step[1] for step in self.steps if step[0] == "state"]

    def commands(self):
        return [step[1] for step in self.steps if step[0] == "command"]

    def write(self):
        """With what was printed instead of what was shown."""
        commands = iter(self.commands())

        def block(found):
            lines = []
            for _ in _commands(found[1]):
                command = next(commands)
                lines += [f"{command.prompt} {command.text}", *(command.shown if command.printed is None else command.printed)]
            return "```console\n" + "".join(line + "\n" for line in lines) + "```"

        text = _CONSOLE.sub(block, self.text)
        for shown, now in self.moments.items():
            text = text.replace(shown, now)
        self.path.write_text(text)


def first_words(line, count=1):
    """What is the same in every run: digits count for nothing, nor does how wide psql draws a table."""
    return [re.sub(r"-{3,}", "---", re.sub(r"\d+", "0", word)) for word in line.split()[:count]]


def missing_from(output, shown):
    """The first shown line of which there is none, or not as many, in the output; None when all are there."""
    words = [(first_words(line) or [""])[0] for line in output]
    for line in shown:
        if line == "…" or not line.strip() or EXIT.match(line):
            continue
        word = first_words(line)[0].rstrip("…")
        found = next((at for at, each in enumerate(words) if each.startswith(word)), None)
        if found is None:
            return line
        del words[found]
    return None


def kept(output, shown, code):
    """The output as a page shows it: all of it, or the lines of which it shows some already."""
    if "…" in shown:
        wanted = [first_words(line, 2) for line in shown if line != "…"]
        lines = []
        for line in output:
            if any(first_words(line, 2)[:len(words)] == words for words in wanted):
                lines.append(line)
            elif not lines or lines[-1] != "…":
                lines.append("…")
        output = lines
    return output + ([f"(exit code {code})"] if code else [])


def shortened(line):
    line = line.rstrip()
    return line if len(line) <= LONGEST_LINE else line[:LONGEST_LINE].rstrip() + "…"

#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""check_coverage: no file has less of its lines and branches reached than coverage_least.txt says, and every branch that
is not counted is argued in coverage_known.txt. Usage: check_coverage.py BUILD_DIR [FILE...]: of the files named, shows
each line and branch that was not reached. BUILD_DIR was built with gcc --coverage, and the tests have run there."""
import collections
import fnmatch
import glob
import json
import os
import subprocess
import sys

SOURCE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LEAST = os.path.join(SOURCE, "tests", "coverage_least.txt")
KNOWN = os.path.join(SOURCE, "tests", "coverage_known.txt")
LAYERS = ("daemon/", "proto/", "clients/")


class File:
    """What was reached of one source file: by line number, how often the line and each of its branches."""

    def __init__(self, name):
        self.name = name
        self.lines = {}
        self.branches = {}
        self.argued = collections.Counter()  # of a line's text: missed branches that are not counted
        with open(os.path.join(SOURCE, name), encoding="utf-8") as source:
            self.text = [""] + [line.strip() for line in source]
        self.asserted = set()  # lines of asserts, whose other side ends the program
        for number, text in enumerate(self.text):
            if text.startswith("assert(") or (number - 1 in self.asserted and ";" not in self.text[number - 1]):
                self.asserted.add(number)

    def add(self, line):
        """A file may stand in several objects: what any of them has reached is reached."""
        number = line["line_number"]
        if number >= len(self.text):
            sys.exit(f"{self.name} has changed since it was built")
        self.lines[number] = self.lines.get(number, 0) + line["count"]
        # What the compiler adds at a brace is nobody's decision, and how a macro of uthash looks for something is that
        # library's: whether it was found is asked in a line of ours.
        if number in self.asserted or not self.text[number].strip("{};") or self.text[number].startswith("HASH_"):
            return
        counts = [branch["count"] for branch in line["branches"]]
        before = self.branches.get(number, [0] * len(counts))
        self.branches[number] = [a + b for a, b in zip(before, counts)]

    def missed(self, number):
        return self.branches.get(number, []).count(0)

    def missed_of_text(self, text):
        return sum(self.missed(number) for number in self.branches if self.text[number] == text)

    def reached(self):
        """Lines reached, lines, branches reached or argued, branches."""
        branches = sum(len(counts) for counts in self.branches.values())
        missed = sum(self.missed(number) for number in self.branches) - sum(self.argued.values())
        return sum(1 for count in self.lines.values() if count), len(self.lines), branches - missed, branches

    def show(self):
        for number in sorted(self.lines):
            if not self.lines[number]:
                print(f"{self.name}:{number}: line not reached: {self.text[number]}")
            elif self.missed(number):
                counts = " ".join(str(count) for count in self.branches[number])
                argued = " (argued)" if self.text[number] in self.argued else ""
                print(f"{self.name}:{number}: branches reached {counts}{argued}: {self.text[number]}")


def percent(part, whole):
    return 100 * part / whole if whole else 100


def measure(build, wanted):
    objects = [path for path in glob.glob(build + "/CMakeFiles/**/*.gcno", recursive=True)
               + glob.glob(build + "/clients/**/*.gcno", recursive=True)
               if not wanted or any(path.endswith("/" + os.path.basename(name) + ".gcno") for name in wanted)]
    said = subprocess.run(["gcov", "--json-format", "--branch-probabilities", "--stdout", *objects], check=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
    files = {}
    for unit in map(json.loads, filter(None, said.splitlines())):
        for entry in unit["files"]:
            path = os.path.join(unit["current_working_directory"], entry["file"])
            name = os.path.relpath(os.path.realpath(path), SOURCE)
            if name.startswith(LAYERS) and os.path.exists(os.path.join(SOURCE, name)):
                file = files.setdefault(name, File(name))
                for line in entry["lines"]:
                    file.add(line)
    return dict(sorted(files.items()))


def read_known(files, of_all):
    """Places, each a line "FILE MISSED: TEXT OF THE LINE", and below them, indented, why their branches are not counted.
    Returns what is wrong with them; `of_all` files were measured."""
    faults, waiting = [], []
    with open(KNOWN, encoding="utf-8") as known:
        for line in known:
            if not line.strip() or line.startswith("#"):
                continue
            if line[0].isspace():
                waiting = []
                continue
            waiting.append(line.strip())
            place, text = line.strip().split(": ", 1)
            name, missed = place.split()
            if name not in files:
                if of_all:
                    faults.append(f"{name} was not measured, take it out of coverage_known.txt: {text}")
                continue
            found = files[name].missed_of_text(text)
            if text not in files[name].text:
                faults.append(f"{name} has no such line any more, take it out of coverage_known.txt: {text}")
            elif found != int(missed):
                faults.append(f"{name}: {found} branches are missed, coverage_known.txt argues {missed}: {text}")
            files[name].argued[text] = min(found, int(missed))
    return faults + [f"coverage_known.txt gives no reason: {place}" for place in waiting]


def check_least(files):
    """Rows "PATTERN LINES BRANCHES": the first that fits a file says the least percentage of it. Returns the faults."""
    with open(LEAST, encoding="utf-8") as least:
        rows = [line.split() for line in least if line.strip() and not line.startswith("#")]
    sums = [[0, 0, 0, 0] for _ in rows]
    argued = [0] * len(rows)
    faults = []
    for name, file in files.items():
        i = next((i for i, row in enumerate(rows) if fnmatch.fnmatchcase(name, row[0])), None)
        if i is None:
            faults.append(f"{name} stands in no row of coverage_least.txt")
            continue
        reached = file.reached()
        sums[i] = [a + b for a, b in zip(sums[i], reached)]
        argued[i] += sum(file.argued.values())
        lines, branches = percent(*reached[:2]), percent(*reached[2:])
        if lines < float(rows[i][1]) or branches < float(rows[i][2]):
            faults.append(f"{name}: {lines:.2f} % of lines and {branches:.2f} % of branches, "
                          f"the least is {rows[i][1]} and {rows[i][2]}")
    print(f"{'files':32}{'lines':>16}{'branches':>18}{'not counted':>13}")
    for row, (lines_reached, lines, reached, branches), excluded in zip(rows, sums, argued):
        print(f"{row[0]:32}{percent(lines_reached, lines):7.2f} % of{lines:5}"
              f"{percent(reached, branches):8.2f} % of{branches:6}{excluded:13}")
        if not lines:
            faults.append(f"no file is of row {row[0]} of coverage_least.txt")
    return faults


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    files = measure(sys.argv[1], sys.argv[2:])
    faults = read_known(files, not sys.argv[2:])
    for name in sys.argv[2:]:
        if name not in files:
            sys.exit(f"{name} was not measured")
        files[name].show()
        lines, of_lines, branches, of_branches = files[name].reached()
        print(f"{name}: {percent(lines, of_lines):.2f} % of lines, {percent(branches, of_branches):.2f} % of branches")
    if not sys.argv[2:]:
        faults += check_least(files)
        print(*faults, sep="\n", end="\n" if faults else "")
        sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()

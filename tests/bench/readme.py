#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""readme: puts the figures of bench.json into the README beside it and that of the project, between
<!-- bench: NAME --> and <!-- end -->.

    tests/bench/readme.py --write [build/bench.json]    renews the tables; those that did not run stay as they are
    tests/bench/readme.py --check [build/bench.json]    are all of them, and all goals, in that file?"""
import json
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
READMES = [os.path.join(HERE, "README.md"), os.path.join(HERE, "..", "..", "README.md")]
PLACE = re.compile(r"<!-- bench: (\w+) -->\n(.*?)<!-- end -->", re.S)


def number(value):
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return format(value, ",")


def table(columns, rows):
    lines = ["| " + " | ".join(columns) + " |", "|---|" + "---:|" * (len(columns) - 1)]
    lines += ["| " + " | ".join(number(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def goals_table(goals):
    rows = []
    for goal in goals:
        least = "at_least" in goal
        limit = ("at least " if least else "at most ") + number(goal["at_least" if least else "at_most"]) + goal["unit"]
        if goal["figure"] is None:
            rows.append([goal["what"], limit, "-", "not run here: " + goal["not_run_here"]])
        else:
            figure = round(goal["figure"], 0 if abs(goal["figure"]) >= 100 else 2)
            figure = int(figure) if figure == int(figure) else figure
            rows.append([goal["what"], limit, number(figure) + goal["unit"], "met" if goal["met"] else "**not met**"])
    return table(["goal", "", "figure", ""], rows)


def read_shares():
    """Of `./dev bench --profile`, when that has run."""
    try:
        with open("build/shares.md", encoding="utf-8") as file:
            return {"shares": file.read()}
    except FileNotFoundError:
        return {}


def main():
    mode = sys.argv[1] if len(sys.argv) > 1 else ""
    if mode not in ("--write", "--check"):
        sys.exit(__doc__)
    with open(sys.argv[2] if len(sys.argv) > 2 else "build/bench.json", encoding="utf-8") as file:
        bench = json.load(file)
    tables = {t["name"]: table(t["columns"], t["rows"]) for t in bench["tables"] if t["rows"] or mode == "--check"}
    tables["goals"] = goals_table(bench["goals"])
    tables["machine"] = "%(cores)d cores, %(memory_mib)d MiB of memory, Linux %(kernel)s.\n" % bench["machine"]
    tables.update(read_shares())
    places = {"shares"}
    for path in READMES:
        with open(path, encoding="utf-8") as file:
            text = file.read()
        places |= {name for name, _ in PLACE.findall(text)}
        if mode == "--write":
            text = PLACE.sub(lambda found: "<!-- bench: %s -->\n%s<!-- end -->" % (
                found[1], tables.get(found[1], found[2])), text)
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
    if mode == "--check":
        empty = [t["name"] + ": a figure" for t in bench["tables"] for row in t["rows"]
                 if all(cell is None for cell in row[1:])]
        missing = sorted(places - set(tables) - {"shares"}) + empty
        missing += [name + ": a place for it" for name in set(tables) - places]
        if missing:
            sys.exit("readme: missing: " + ", ".join(missing))


main()

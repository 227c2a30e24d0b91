#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""flame: draws what `perf script` prints as a flame graph, on standard output.

    perf script -i perf.data -F comm,ip,sym,dso | tests/bench/flame.py > flame.svg

The width of a box is its share of the samples; below it stands who called it, at the bottom the thread. With a second
argument --shares, prints instead the share of each library in each thread, as a table for the README."""
import collections
import html
import re
import sys

WIDTH, ROW, LEAST = 1200, 16, 0.0012  # pixels; boxes of less than this share are left out
FRAME = re.compile(r"^\s+[0-9a-f]+ (.*) \((.*)\)$")
OWN = re.compile(r"/referrald$")


def read_stacks(lines):
    """Yields (thread, [(function, library), ...] from the outermost in)."""
    thread, frames = None, []
    for line in lines:
        found = FRAME.match(line)
        if found:
            frames.append((found[1], found[2]))
        elif not line.strip():
            if thread is not None:
                yield thread, frames[::-1]
            thread, frames = None, []
        else:
            thread = line.strip()
    if thread is not None:
        yield thread, frames[::-1]


def library_of(path):
    if OWN.search(path):
        return "own code"
    if path.startswith("[kernel") or path.startswith("[guest"):
        return "kernel"
    name = path.rsplit("/", 1)[-1].split(".so")[0]
    return {"libc": "libc", "[unknown]": "not known", "[vdso]": "libc"}.get(name, name)


def clean(name):
    return re.sub(r"\.(lto_priv|constprop|isra|part|cold).*$", "", name.split("+0x")[0])


class Box:
    def __init__(self, name, library):
        self.name, self.library, self.count, self.inside = name, library, 0, {}

    def child(self, name, library):
        return self.inside.setdefault(name, Box(name, library))


def build(stacks):
    root = Box("all", "thread")
    for thread, frames in stacks:
        box = root
        box.count += 1
        box = box.child(thread, "thread")
        box.count += 1
        for function, library in frames:
            if function == "[unknown]":
                function = "(" + library_of(library) + ")"
                if box.name == function:
                    continue
            box = box.child(clean(function), library_of(library))
            box.count += 1
    return root


def depth_of(box, least):
    return 1 + max((depth_of(b, least) for b in box.inside.values() if b.count >= least), default=0)


HUES = {"own code": 28, "libsodium": 205, "kernel": 0, "libc": 55, "liblmdb": 120, "libzmq": 280, "thread": -1}


def colour(box):
    hue = HUES.get(box.library, 330)
    if hue < 0:
        return "#ddd"
    return "hsl(%d,70%%,%d%%)" % (hue, 68 + sum(map(ord, box.name)) % 12)


def draw(box, left, level, height, per_sample, total, out):
    width = box.count * per_sample
    top = height - (level + 1) * ROW
    share = 100 * box.count / total
    name = html.escape(box.name)
    out.append('<g><title>%s, %s, %.1f %%</title><rect x="%.1f" y="%d" width="%.1f" height="%d" fill="%s"/>' % (
        name, html.escape(box.library), share, left, top, max(width - 0.3, 0.3), ROW - 1, colour(box)))
    letters = int(width / 6.4)
    if letters >= 4:
        shown = box.name if len(box.name) <= letters else box.name[:letters - 1] + "…"
        out.append('<text x="%.1f" y="%d">%s</text>' % (left + 2, top + 11, html.escape(shown)))
    out.append("</g>\n")
    for inner in sorted(box.inside.values(), key=lambda b: b.name):
        if inner.count >= LEAST * total:
            draw(inner, left, level + 1, height, per_sample, total, out)
        left += inner.count * per_sample


def legend(height):
    x, out = 4, []
    for name, hue in HUES.items():
        if hue >= 0:
            out.append('<rect x="%d" y="%d" width="10" height="10" fill="hsl(%d,70%%,72%%)"/>'
                       '<text x="%d" y="%d">%s</text>' % (x, height - 14, hue, x + 14, height - 5, name))
            x += 100
    return "".join(out)


def print_graph(root):
    height = depth_of(root, LEAST * root.count) * ROW + 4
    out = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="monospace" font-size="10.5">\n'
           '<rect width="100%%" height="100%%" fill="#fff"/>\n' % (WIDTH, height + 20)]
    draw(root, 0, 0, height, WIDTH / root.count, root.count, out)
    print("".join(out) + legend(height + 20) + "\n</svg>")


def print_shares(stacks):
    threads, all_samples = collections.defaultdict(collections.Counter), 0
    for thread, frames in stacks:
        threads[thread][library_of(frames[-1][1]) if frames else "not known"] += 1
        all_samples += 1
    libraries = ["own code", "libsodium", "kernel", "libc", "liblmdb", "libzmq"]
    print("| thread | share |", " | ".join(libraries), "| other |")
    print("|---|---:|" + "---:|" * (len(libraries) + 1))
    for thread, counts in sorted(threads.items(), key=lambda item: -sum(item[1].values())):
        cells = [counts.pop(library, 0) for library in libraries]
        cells.append(sum(counts.values()))
        row = [100 * cell / all_samples for cell in [sum(cells)] + cells]
        if row[0] >= 0.5:
            print("| %s |" % thread, " | ".join("%.0f %%" % cell if cell >= 0.5 else "" for cell in row), "|")


def main():
    stacks = list(read_stacks(sys.stdin))
    if not stacks:
        sys.exit("flame: no samples")
    if "--shares" in sys.argv[1:]:
        print_shares(stacks)
    else:
        print_graph(build(stacks))


main()

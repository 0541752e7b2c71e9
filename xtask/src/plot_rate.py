"""Bits per dimension against images a second, for `cargo xtask bench-rate`.

plot_rate.py ROWS.json OUT.png: rows with set, name, kind, bits and decode.
"""

import json
import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

COLOURS = {"vbc": "tab:red", "file": "tab:blue", "set": "tab:gray"}
LABELS = {"vbc": "vbc", "file": "one file an image", "set": "one file for all, nothing readable alone"}


def main():
    rows = json.load(open(sys.argv[1]))
    sets = list(dict.fromkeys(row["set"] for row in rows))
    figure, axes = plt.subplots(1, len(sets), figsize=(6.5 * len(sets), 5), squeeze=False)
    for axis, name in zip(axes[0], sets):
        for row in (row for row in rows if row["set"] == name):
            colour = COLOURS[row["kind"]]
            axis.scatter(row["decode"], row["bits"], color=colour, s=24)
            axis.annotate(
                row["name"].split(",")[0],
                (row["decode"], row["bits"]),
                xytext=(4, 4),
                textcoords="offset points",
                fontsize=7,
                color=colour,
            )
        axis.set_xscale("log")
        axis.set_title(name)
        axis.set_xlabel("images a second, decoded, one core")
        axis.set_ylabel("bits per dimension")
        axis.grid(alpha=0.3)
    for kind, colour in COLOURS.items():
        axes[0][0].scatter([], [], color=colour, s=24, label=LABELS[kind])
    axes[0][0].legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(sys.argv[2], dpi=110)


main()

"""Bits of a whole image against what its latent is worth, for `cargo xtask sweep`.

plot_sweep.py POINTS.json OUT.png: points with set, label, bits, psnr, neighbours.
"""

import json
import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt


def main():
    points = json.load(open(sys.argv[1]))
    sets = list(dict.fromkeys(point["set"] for point in points))
    figure, axes = plt.subplots(2, len(sets), figsize=(6 * len(sets), 7.5), squeeze=False)
    for column, name in enumerate(sets):
        own = [point for point in points if point["set"] == name]
        without = next(point["bits"] for point in own if point["psnr"] is None)
        for row, (key, label) in enumerate(
            [("psnr", "preview, dB"), ("neighbours", "5-NN accuracy of latents")]
        ):
            axis = axes[row][column]
            axis.axvline(without, color="gray", linestyle="--", label="no latent")
            for kind, colour in [("λ", "tab:red"), ("X", "tab:blue")]:
                some = [p for p in own if p["label"].startswith(kind) and p[key] is not None]
                line = "-" if kind == "λ" else "none"
                bits, worth = [p["bits"] for p in some], [p[key] for p in some]
                axis.plot(bits, worth, linestyle=line, marker="o", color=colour)
                for p in some:
                    at = (p["bits"], p[key])
                    axis.annotate(p["label"], at, xytext=(4, 4), textcoords="offset points", fontsize=8)
            axis.set_title(name)
            axis.set_xlabel("bits per dimension, validation archive")
            axis.set_ylabel(label)
            axis.grid(alpha=0.3)
        axes[0][column].legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(sys.argv[2], dpi=110)


main()

"""The similarity map: every prompt of a corpus as a dot, alike ones near each other."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from corpusgen.dedup.embed import Vectors

__all__ = ["draw_map"]

MOST_DOTS = 1600
"""More would hide each other, and the layout's cost grows faster than their number."""


def draw_map(
    vectors: Vectors, domains: Sequence[str], modes: Sequence[str], colours: Mapping[str, str], dpi: int = 110
) -> bytes:
    """Returns a PNG: embeddings laid out in the plane by t-SNE (van der Maaten & Hinton, 2008), coloured by domain.

    Args:
        vectors: Unit vectors, shape (n, d); of more than 1,600 an even selection is drawn.
        domains: The domain of each.
        modes: The response mode of each; harmless look-alikes are drawn as rings.
        colours: A colour for each domain.
        dpi: Dots an inch of the picture.
    """
    import matplotlib
    import numpy as np

    matplotlib.use("Agg")
    from matplotlib.figure import Figure

    chosen = np.unique(np.linspace(0, len(vectors) - 1, min(len(vectors), MOST_DOTS)).astype(int))
    places = _layout(vectors[chosen])
    figure = Figure(figsize=(10, 6.2), dpi=dpi)
    axes = figure.add_axes((0.01, 0.01, 0.98, 0.92))
    for domain, colour in colours.items():
        for harmless in (False, True):
            own = np.asarray(
                [domains[at] == domain and (modes[at] == "answer") == harmless for at in chosen], dtype=bool
            )
            if own.any():
                axes.scatter(
                    places[own, 0],
                    places[own, 1],
                    s=11,
                    c="none" if harmless else colour,
                    edgecolors=colour,
                    linewidths=0.8 if harmless else 0.0,
                    alpha=0.75,
                    label=None if harmless else domain.replace("_", " "),
                )
    axes.set_xticks([])
    axes.set_yticks([])
    for side in axes.spines.values():
        side.set_visible(False)
    figure.legend(loc="upper center", ncols=len(colours), frameon=False, fontsize=9, markerscale=2.2)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def _layout(vectors: Vectors) -> Vectors:
    import numpy as np
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    if len(vectors) < 8:
        return np.pad(vectors[:, :2], ((0, 0), (0, max(0, 2 - vectors.shape[1]))))
    reduced = PCA(n_components=min(30, len(vectors) - 1, vectors.shape[1]), random_state=0).fit_transform(vectors)
    layout = TSNE(perplexity=min(30.0, (len(vectors) - 1) / 3), init="pca", max_iter=400, random_state=0)
    placed: Vectors = layout.fit_transform(reduced)
    return placed

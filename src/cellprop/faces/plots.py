"""Pictures of training: the curve of the loss, and the output over the plane of two inputs.

matplotlib is imported only when something is drawn, and never `pyplot`: nothing stays behind in
the process. The same run gives the same bytes. Knows a run and asks its model for the way forward;
knows nothing of sheets.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from xml.sax.saxutils import escape

import numpy as np

from cellprop.algebra import Array, Axis
from cellprop.errors import InputError, nearest
from cellprop.faces.colors import color_of, marker_of
from cellprop.files.safe import label
from cellprop.files.writing import write_whole
from cellprop.running.run import Run
from cellprop.texts import captions
from cellprop.texts.formats import cut
from cellprop.texts.words import Words, load

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PathCollection
    from matplotlib.colors import Colormap
    from matplotlib.contour import QuadContourSet
    from matplotlib.figure import Figure, FigureBase
    from matplotlib.typing import ColorType

LOSS, BOUNDARY = WHAT = ("loss", "boundary")
FORMATS = (".png", ".svg")

MOST_SAMPLES = 2000
MOST_PANELS = 6
MOST_IN_LEGEND = 12
LONGEST_AXIS, LONGEST_NAME = 40, 24
# The loss is drawn on a logarithmic scale from here on.
LARGEST_RATIO = 100
# The plane is seen at so many places a side, fewer where there are very many outputs.
PLACES, FEWEST_PLACES, MOST_NUMBERS = 201, 61, 4_000_000
# How many places are predicted at a time, so that wide networks do not fill the memory.
AT_ONCE = 4000
# A curve of so few epochs shows each as a dot.
FEW_EPOCHS = 25
# The lines between so many classes are as wide as the line between two.
LINE, FEW_REGIONS = 1.4, 6

INK, FAINT, EDGE = "#222222", "#5F6368", "#1A1A1A"
# From the first class's tint to the second's, and ever darker, so that grey shows it too.
TINTS = ("#E3F0F9", "#EFEBE7", "#F5C4A1")
FONT = "DejaVu Sans"  # comes with matplotlib
STYLE = {
    "figure.dpi": 150,
    "savefig.dpi": 150,
    "figure.constrained_layout.w_pad": 0.1,
    "figure.constrained_layout.h_pad": 0.1,
    "font.sans-serif": [FONT, "Verdana", "Arial"],
    "font.size": 9.5,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.titlesize": 9.5,
    "axes.titlecolor": FAINT,
    "axes.grid": False,
    "grid.color": "#E6E8EA",
    "grid.linewidth": 0.7,
    "axes.axisbelow": True,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "lines.linewidth": 1.6,
    # Text from data is text: a dollar sign starts no formula.
    "text.parse_math": False,
    # Text in an SVG stays text, which can be searched and read aloud.
    "svg.fonttype": "none",
    "svg.hashsalt": "cellprop",
}


def plot(
    run: Run, path: str | Path, *, what: Sequence[str] = (), words: Words | None = None
) -> Path:
    """Draw how training went, and return the path of the picture.

    Of at most 2,000 samples; where a run keeps only those of one update, of these.

    Parameters
    ----------
    run
        What is drawn.
    path
        Where to: a name that ends in `.png` or `.svg`.
    what
        `loss`: the loss, and accuracy, after each epoch. `boundary`: what the trained network
        gives out over the plane of its two inputs. Empty: both, if there are two inputs.
    words
        The texts; by default, English.

    Raises
    ------
    InputError
        If the name ends otherwise, there is no such picture, the network has other than two
        inputs, or matplotlib is not installed.
    OutputError
        If the file can't be written; an earlier file is left whole.
    """
    wanted = _wanted(run, [what] if isinstance(what, str) else what)
    suffix = checked_suffix(path)
    drawing = _Drawing(run, words or load())

    def write(file: IO[bytes]) -> None:
        with drawn_in_style(drawing.text):
            figure = drawing.figure(wanted)
            title, description = drawing.alt(wanted)
            file.write(as_file(figure, suffix, title, description))

    return write_whole(path, write)


def checked_suffix(path: str | Path) -> str:
    """Return how the name of a picture ends.

    Raises
    ------
    InputError
        If no picture's name ends so, or matplotlib is not installed.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in FORMATS:
        found = f"'{label(suffix)}'" if suffix else "none"
        raise InputError(
            f"{label(path)}: expected a name that ends in {' or '.join(FORMATS)}, found {found}."
        )
    try:
        import matplotlib  # noqa: F401
    except ModuleNotFoundError as error:
        if error.name != "matplotlib":
            raise
        raise InputError(
            "matplotlib is not installed; `pip install 'cellprop[learn]'` brings it."
        ) from None
    return suffix


def _wanted(run: Run, what: Sequence[str]) -> Sequence[str]:
    program = run.program
    inputs = sum(m.columns.size for m in program.forward.inputs)
    spans_plane = inputs == 2 and not program.is_written
    for name in what:
        if name not in WHAT:
            raise InputError(
                f"what: '{label(name)}' is not known; known: {', '.join(WHAT)}."
                f"{nearest(str(name), WHAT)}"
            )
    if BOUNDARY in what and program.is_written:
        raise InputError(
            f"{BOUNDARY}: expected a network with 2 inputs, found the program {program.name};"
            f" draw the {LOSS} only."
        )
    if BOUNDARY in what and not spans_plane:
        raise InputError(
            f"{BOUNDARY}: expected a network with 2 inputs, which span a plane, found {inputs};"
            f" draw the {LOSS} only."
        )
    return [name for name in WHAT if name in what] or (WHAT if spans_plane else [LOSS])


@contextmanager
def drawn_in_style(text: str) -> Iterator[None]:
    """Draw in our style, whatever the user's is; theirs is put back."""
    from matplotlib import style

    fonts = {"font.family": [FONT, *_fonts(text), "sans-serif"]}
    with style.context(["default", STYLE, fonts]), warnings.catch_warnings():
        # A letter that no font has is drawn as a box, which tells as much.
        warnings.filterwarnings("ignore", "Glyph .* missing from", UserWarning)
        yield


def _fonts(text: str) -> list[str]:
    """Return installed fonts for the letters of a text that our own lacks, such as 你 or ਕ."""
    from matplotlib.font_manager import findfont, fontManager
    from matplotlib.ft2font import FT2Font

    lacking = set(map(ord, text)) - FT2Font(findfont(FONT)).get_charmap().keys()
    has: dict[str, set[int]] = {}
    for font in fontManager.ttflist if lacking else ():
        usual = font.style == "normal" and font.weight == 400 and Path(font.fname).is_file()
        # The last resort has a box for every letter.
        if usual and "Last Resort" not in font.name:
            has.setdefault(font.name, lacking & FT2Font(font.fname).get_charmap().keys())
    found: list[str] = []
    while lacking:
        best = max(sorted(has), key=lambda name: len(has[name] & lacking), default=FONT)
        if not has.get(best, set()) & lacking:
            break
        found.append(best)
        lacking -= has[best]
    return found


def as_file(figure: Figure, suffix: str, title: str, description: str) -> bytes:
    """Return a figure as a file, with nothing in it that changes from time to time."""
    about: dict[str, Any] = {"Title": title, "Description": description}
    about |= {"Software": None} if suffix == ".png" else {"Date": None, "Creator": "cellprop"}
    file = io.BytesIO()
    figure.savefig(file, format=suffix[1:], metadata=about)
    found = file.getvalue()
    if suffix == ".svg":  # screen readers look for the description beside the title
        end = b"</title>"
        found = found.replace(end, end + f"\n <desc>{escape(description)}</desc>".encode(), 1)
    return found


# --- What is drawn ------------------------------------------------------------------------


@dataclass(frozen=True)
class _Plane:
    """The outputs over the plane of the inputs: `outputs[i, j]` at `y[i]`, `x[j]`."""

    x: Array
    y: Array
    outputs: Array


@dataclass(frozen=True)
class _Drawing:
    run: Run
    words: Words

    @cached_property
    def inputs(self) -> tuple[str, ...]:
        """The names of the inputs."""
        given = self.run.program.forward.inputs
        labels = dict.fromkeys(name for matrix in given for name in matrix.columns.labels)
        return tuple(cut(name, LONGEST_AXIS) for name in labels)

    @cached_property
    def outputs(self) -> tuple[str, ...]:
        """The names of the outputs."""
        found = self.run.program.forward.outputs
        labels = dict.fromkeys(name for matrix in found for name in matrix.columns.labels)
        return tuple(cut(name, LONGEST_NAME) for name in labels)

    @property
    def zero(self) -> str:
        """The name of the class that 0 stands for, of two in one column; empty if it has none."""
        zeros = (matrix.columns.zero for matrix in self.run.program.forward.outputs)
        return cut(next(filter(None, zeros), ""), LONGEST_NAME)

    @property
    def text(self) -> str:
        """All that may have to be written."""
        texts = [text for key, text in self.words.texts.items() if key.startswith("plots.")]
        return "".join([*map(str, texts), *self.inputs, *self.outputs, self.zero])

    @cached_property
    def panels(self) -> tuple[int, ...]:
        """The outputs that have a panel of their own; none where the largest decides."""
        if self.run.decision == "one of several":
            return ()
        return tuple(range(min(len(self.outputs), MOST_PANELS)))

    # --- The whole ------------------------------------------------------------------------

    def figure(self, wanted: Sequence[str]) -> Figure:
        from matplotlib.figure import Figure

        count = max(1, len(self.panels))
        columns = min(count, 3 if count != 4 else 2)
        rows = -(-count // columns)
        curve = (5.0, 4.6) if self.run.accuracies is not None else (5.4, 3.8)
        plane = (5.0 * columns, 4.6 * rows)
        if len(wanted) == 1:
            figure = Figure(curve if LOSS in wanted else plane, layout="constrained")
            parts: list[FigureBase] = [figure]
        else:
            size = (curve[0] + plane[0], max(curve[1], plane[1]))
            figure = Figure(size, layout="constrained")
            widths = (curve[0], plane[0])
            parts = [*figure.subfigures(1, 2, width_ratios=widths, squeeze=False)[0]]
        for name, part in zip(wanted, parts, strict=True):
            if name == LOSS:
                self._curves(part)
            else:
                self._boundary(part, rows, columns)
        return figure

    def alt(self, wanted: Sequence[str]) -> tuple[str, str]:
        """Return the title and the description, for those who can't see the picture."""
        words, run = self.words, self.run
        titles, said = [], []
        if LOSS in wanted:
            titles.append(words("plots.alt_title_loss"))
            first, last = _number(run.losses[0]), _number(run.losses[-1])
            said.append(words("plots.alt_loss", first=first, last=last, epochs=f"{run.epochs:,}"))
            if run.accuracies is not None:
                first, last = _percent(run.accuracies[0]), _percent(run.accuracies[-1])
                said.append(words("plots.alt_accuracy", first=first, last=last))
        if BOUNDARY in wanted:
            x, y = self.inputs
            titles.append(words("plots.alt_title_boundary", x=x, y=y))
            for k in self.panels:
                key = "plots.alt_line" if run.decision else "plots.alt_surface"
                said.append(words(key, x=x, y=y, name=self.outputs[k]))
            if not self.panels:
                shown = self._first_classes(range(len(self.outputs)))
                names = ", ".join([self.outputs[k] for k in shown])
                if len(shown) < len(self.outputs):
                    names += f", {words('plots.more', count=len(self.outputs) - len(shown))}"
                said.append(words("plots.alt_regions", x=x, y=y, names=names))
        return " · ".join(titles), " ".join(said)

    # --- The curves -----------------------------------------------------------------------

    def _curves(self, figure: FigureBase) -> None:
        accuracies = self.run.accuracies
        both = accuracies is not None
        axes = figure.subplots(
            1 + both, 1, sharex=True, squeeze=False, height_ratios=(3, 2) if both else (1,)
        )[:, 0]
        losses = self.run.losses
        name = captions.losses(self.words, self.run.program)
        self._curve(axes[0], losses, hex_color(0), self.words("plots.loss", name=name), _number)
        if losses.min() > 0 and losses.max() > LARGEST_RATIO * losses.min():
            axes[0].set_yscale("log")
            plain_log(axes[0])
        elif losses.min() >= 0:
            axes[0].set_ylim(bottom=0)
        if accuracies is not None:
            said = self.words("plots.accuracy")
            self._curve(axes[1], accuracies, hex_color(1), said, _percent)
            axes[1].set_ylim(-0.04, 1.04)
            axes[1].yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
            axes[1].set_yticks((0, 0.5, 1))
        axes[-1].set_xlabel(self.words("plots.epoch"))
        figure.align_ylabels(list(axes))

    def _curve(self, axes: Axes, values: Array, color: str, name: str, show: Any) -> None:
        from matplotlib.ticker import MaxNLocator

        few = len(values) <= FEW_EPOCHS + 1
        axes.plot(values, color=color, marker="o" if few else "", markersize=4, clip_on=not few)
        axes.set_ylabel(cut(name, LONGEST_AXIS))
        ends = {"first": show(values[0]), "last": show(values[-1])}
        axes.set_title(self.words("plots.from_to", **ends), loc="right")
        axes.grid(visible=True, axis="y")
        axes.spines[["top", "right"]].set_visible(False)
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        if len(values) > 1:
            axes.set_xlim(0, len(values) - 1)
        else:
            axes.set_xticks([0])

    # --- The plane ------------------------------------------------------------------------

    def _boundary(self, figure: FigureBase, rows: int, columns: int) -> None:
        X, y = self._samples()
        plane = self._plane(X)
        chosen = np.arange(len(X))
        if len(X) > MOST_SAMPLES:
            chosen = np.random.default_rng(0).choice(len(X), MOST_SAMPLES, replace=False)
            chosen.sort()
        X, y = X[chosen], y[chosen]
        grid = figure.subplots(rows, columns, squeeze=False).ravel()
        for axes in grid[max(1, len(self.panels)) :]:
            axes.set_visible(False)
        legend = _Legend([], [])
        if not self.panels:
            self._regions(grid[0], plane, X, y, legend)
        for axes, k in zip(grid, self.panels, strict=False):
            legend = _Legend([], [])
            draw = self._line if self.run.decision else self._surface
            draw(axes, plane, k, X, y, legend)
            if k < len(self.panels) - 1:
                self._finish(axes, plane, legend, " ")
        last = grid[max(1, len(self.panels)) - 1]
        self._finish(last, plane, legend, self._caption(len(X)))

    def _finish(self, axes: Axes, plane: _Plane, legend: _Legend, caption: str) -> None:
        axes.set_xlim(plane.x[0], plane.x[-1])
        axes.set_ylim(plane.y[0], plane.y[-1])
        axes.set_xlabel(self.inputs[0])
        axes.set_ylabel(self.inputs[1])
        axes.set_box_aspect(0.9)
        axes.set_anchor("N")
        axes.set_title(caption, loc="right")
        legend.draw(axes)

    def _caption(self, drawn: int) -> str:
        """Return a text on what is left out of the picture; a blank if nothing is."""
        parts = []
        if drawn < self.run.samples:
            key = "plots.some_samples" if self.run.batches == 1 else "plots.batch_samples"
            numbers = {"drawn": f"{drawn:,}", "samples": f"{self.run.samples:,}"}
            parts.append(self.words(key, **numbers))
        if 0 < len(self.panels) < len(self.outputs):
            numbers = {"drawn": str(len(self.panels)), "outputs": f"{len(self.outputs):,}"}
            parts.append(self.words("plots.some_outputs", **numbers))
        return " · ".join(parts) or " "

    def _samples(self) -> tuple[Array, Array]:
        """Return the inputs, as they were given, and targets of the samples that the run keeps:
        all, or those of the walked update.
        """
        program = self.run.program
        return self.run.values[program.input.name], self.run.values[program.target.name]

    def _plane(self, X: Array) -> _Plane:
        count = len(self.outputs)
        side = int(np.clip(np.sqrt(MOST_NUMBERS / count), FEWEST_PLACES, PLACES))
        x, y = (
            np.linspace(*_widened(low, high), side)
            for low, high in zip(X.min(axis=0).tolist(), X.max(axis=0).tolist(), strict=True)
        )
        places = np.column_stack([part.ravel() for part in np.meshgrid(x, y)])
        with np.errstate(all="ignore"):
            outputs = [
                self._predicted(places[start : start + AT_ONCE])
                for start in range(0, len(places), AT_ONCE)
            ]
        return _Plane(x, y, np.concatenate(outputs).reshape(side, side, count))

    def _predicted(self, places: Array) -> Array:
        forward = self.run.model.forward(Axis.numbered("samples", len(places)))
        return self.run.predicted(forward, places)

    def _line(self, axes: Axes, plane: _Plane, k: int, X: Array, y: Array, legend: _Legend) -> None:
        """Draw an output from 0 to 1, the line where it is 0.5, and samples by class."""
        from matplotlib.colors import LinearSegmentedColormap

        output = plane.outputs[:, :, k]
        tints = LinearSegmentedColormap.from_list("tints", TINTS)
        filled = _filled(axes, plane, output, np.linspace(0, 1, 11), tints)
        line = _contour(axes, plane, output, 0.5)
        name = self.words("plots.output", name=self.outputs[k])
        bar = _bar(axes, filled, name)
        bar.set_ticks([0, 0.5, 1])
        for value in (0, 1):
            marks = self._scatter(axes, X[y[:, k] == value], value, len(X))
            said = self._class(k, value)
            legend.add(marks, said)
        if line is not None:
            bar.add_lines(line)
            (stroke,) = axes.plot([], [], color=INK, linewidth=LINE)
            legend.add(stroke, self.words("plots.line"))

    def _class(self, k: int, value: int) -> str:
        """Return the name of the samples whose target for an output is 0, or is 1."""
        if self.zero:
            return self.outputs[k] if value else self.zero
        return self.words("plots.class", name=self.outputs[k], value=value)

    def _surface(
        self, axes: Axes, plane: _Plane, k: int, X: Array, y: Array, legend: _Legend
    ) -> None:
        """Draw an output of any size, and samples filled with their targets."""
        from matplotlib import colormaps
        from matplotlib.ticker import MaxNLocator

        output = plane.outputs[:, :, k]
        shown = np.append(output[np.isfinite(output)], y[:, k])
        low, high = _widened(float(shown.min()), float(shown.max()), 0)
        levels = np.array(MaxNLocator(12).tick_values(low, high))
        filled = _filled(axes, plane, output, levels, colormaps["cividis"])
        _bar(axes, filled, self.words("plots.output", name=self.outputs[k]))
        # A dark and a white ring: on any shade one of them is seen.
        _dots(axes, X, len(X), c="none", edgecolors="white", linewidths=2.4)
        scale = {"cmap": filled.get_cmap(), "norm": filled.norm}
        _dots(axes, X, len(X), c=y[:, k], edgecolors=EDGE, linewidths=0.9, **scale)
        sample = _dots(axes, X[:0], len(X), c="#7D7C78", edgecolors=EDGE, linewidths=0.9)
        legend.add(sample, self.words("plots.sample", name=self.outputs[k]))

    def _regions(self, axes: Axes, plane: _Plane, X: Array, y: Array, legend: _Legend) -> None:
        """Draw where each output is the largest, and samples by class."""
        outputs = plane.outputs
        best = outputs.argmax(axis=2)
        top = np.partition(outputs, -2, axis=2)[:, :, -2:]
        winners = np.unique(best).tolist()
        for k in winners:
            # How far the output is ahead of the largest other one.
            ahead = outputs[:, :, k] - np.where(best == k, top[:, :, 0], top[:, :, 1])
            levels = np.array([0.0, max(float(ahead.max()), 0.0) + 1.0])
            _filled(axes, plane, ahead, levels, _tint(hex_color(k)))
            _contour(axes, plane, ahead, 0.0, LINE if len(winners) <= FEW_REGIONS else LINE / 2)
        of_sample = y.argmax(axis=1)
        present = np.unique(of_sample).tolist()
        for k in present:
            marks = self._scatter(axes, X[of_sample == k], k, len(X))
            if k in self._first_classes(present):
                legend.add(marks, self.outputs[k])
        left = len(present) - len(legend.names)
        if left:
            (nothing,) = axes.plot([], [], linestyle="none")
            legend.add(nothing, self.words("plots.more", count=left))

    def _first_classes(self, classes: Sequence[int]) -> Sequence[int]:
        return classes if len(classes) <= MOST_IN_LEGEND else classes[: MOST_IN_LEGEND - 1]

    def _scatter(self, axes: Axes, X: Array, k: int, count: int) -> PathCollection:
        """Draw the samples of a class."""
        return _dots(
            axes,
            X,
            count,
            c=hex_color(k),
            marker=marker_of(k).picture,
            edgecolors=EDGE,
            linewidths=0.8 if count <= 200 else 0.4,
        )


@dataclass
class _Legend:
    """The entries of a legend: what matplotlib drew, and its name."""

    handles: list[Any]
    names: list[str]

    def add(self, handle: Any, name: str) -> None:
        self.handles.append(handle)
        self.names.append(name)

    def draw(self, axes: Axes) -> None:
        """Draw the legend below the axes."""
        from matplotlib.collections import PathCollection
        from rich.cells import cell_len

        longest = max(map(cell_len, self.names))
        # Named afterwards: a name that begins with an underscore would be left out.
        legend = axes.legend(
            self.handles,
            ["·"] * len(self.handles),
            loc="upper center",
            bbox_to_anchor=(0.5, 0),
            borderaxespad=4,
            ncols=1 if longest > 26 else 2 if longest > 14 else 3,
            scatterpoints=1,
            handletextpad=0.4,
            columnspacing=1.4,
        )
        for text, name in zip(legend.get_texts(), self.names, strict=True):
            text.set_text(name)
        for handle in legend.legend_handles:
            if isinstance(handle, PathCollection):
                handle.set_sizes([40])


# --- Parts --------------------------------------------------------------------------------


def _filled(
    axes: Axes, plane: _Plane, values: Array, levels: Array, colors: Colormap | ColorType
) -> QuadContourSet:
    from matplotlib.colors import Colormap

    look: dict[str, Any] = (
        {"cmap": colors} if isinstance(colors, Colormap) else {"colors": [colors]}
    )
    filled = axes.contourf(plane.x, plane.y, np.ma.masked_invalid(values), levels, **look)
    # Else the page shines through where two areas meet.
    filled.set_edgecolor("face")
    filled.set_linewidth(0.3)
    return filled


def _contour(
    axes: Axes, plane: _Plane, values: Array, level: float, width: float = LINE
) -> QuadContourSet | None:
    """Draw the line where values cross a level, if they do."""
    finite = values[np.isfinite(values)]
    if not finite.size or not finite.min() < level < finite.max():
        return None
    shown = np.ma.masked_invalid(values)
    return axes.contour(plane.x, plane.y, shown, [level], colors=INK, linewidths=width)


def _bar(axes: Axes, filled: QuadContourSet, name: str) -> Any:
    bar = axes.figure.colorbar(filled, cax=axes.inset_axes((1.04, 0, 0.045, 1)))
    bar.set_label(name)
    bar.outline.set_linewidth(0.6)
    return bar


def plain_log(axes: Axes) -> None:
    """Write the numbers of a logarithmic axis as students do: 0.01."""
    from matplotlib.ticker import LogLocator, NullFormatter

    axes.yaxis.set_major_locator(LogLocator(numticks=8))
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.yaxis.set_minor_formatter(NullFormatter())


def _widened(low: float, high: float, share: float = 0.08) -> tuple[float, float]:
    """Return a range that is wider by a share at both ends, and never empty."""
    largest = max(abs(low), abs(high))
    margin = share * (high - low)
    if high - low <= 1e-9 * largest or high == low:
        margin = largest / 2 or 0.5
    return low - margin, high + margin


def _dots(axes: Axes, X: Array, count: int, **look: Any) -> PathCollection:
    """Draw samples, smaller the more there are."""
    size = float(np.clip(2400 / max(count, 1), 9, 70))
    return axes.scatter(X[:, 0], X[:, 1], s=size, zorder=3, **look)


def hex_color(k: int) -> str:
    """Return the colour of a curve, counted from 0, as matplotlib takes it."""
    return f"#{color_of(k)}"


def _tint(color: str) -> ColorType:
    from matplotlib.colors import to_rgb

    red, green, blue = (1 - 0.28 * (1 - part) for part in to_rgb(color))
    return red, green, blue


def _number(value: float) -> str:
    return f"{value:.4g}"


def _percent(value: float) -> str:
    # Nearly all is not all.
    return f"{value if value == 1 else min(value, 0.999):.1%}".replace(".0%", "%")

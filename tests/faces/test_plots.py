"""Pictures: what they show, that they are the same every time, and what can't be drawn."""

from __future__ import annotations

import os
import re
import struct
import subprocess
import sys
import zlib
from collections import Counter
from importlib.util import find_spec
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

import cellprop
from cellprop.errors import InputError, OutputError
from cellprop.faces import plots
from cellprop.faces.colors import MARKERS, color_of, marker_of
from cellprop.faces.plots import plot
from cellprop.files.safe import label
from cellprop.texts.words import Words, load
from conftest import IN_CI, slow_but

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = ("$\\frac", "<script>alert(1)</script>", "&amp;", "a\x1b[31m\x00b", "x" * 500)


@pytest.fixture(autouse=True, scope="module")
def matplotlib():
    """Tests of pictures need matplotlib; in CI it has to be there."""
    if find_spec("matplotlib") is None:
        reason = "matplotlib is not installed: draws pictures"
        if IN_CI:
            pytest.fail(f"{reason}; this test must run in CI")
        pytest.skip(reason)
    import matplotlib

    return matplotlib


def trained(X, y, *, hidden=3, epochs=3, **options):
    """Return a trace of a small network on tables of any size."""
    network = {"activation", "output_activation", "loss"}
    given = {name: options.pop(name) for name in network & set(options)}
    sizes = [np.shape(X)[1], hidden, 1 if np.ndim(y) == 1 else np.shape(y)[1]]
    return cellprop.trace(cellprop.Network(sizes, **given), X, y, seed=1, epochs=epochs, **options)


@pytest.fixture(scope="module")
def xor():
    return cellprop.example("xor")


@pytest.fixture(scope="module")
def blobs():
    return cellprop.example("blobs")


def flowers(count=60, classes=3, seed=0, **options):
    """Return a trace of a network that tells classes apart in a plane."""
    random = np.random.default_rng(seed)
    X, k = random.normal(size=(count, 2)), random.integers(0, classes, count)
    options = {"loss": "cross_entropy", "activation": "tanh", "average": True} | options
    return trained(X, np.eye(classes)[k], **options)


def svg(trace, folder, **options):
    path = plot(trace, folder / "picture.svg", **options)
    return ElementTree.fromstring(path.read_bytes())


def texts(picture):
    """Return all that is written in a picture."""
    return ["".join(text.itertext()) for text in picture.iter(f"{SVG}text")]


def size_of_png(data):
    """Return width and height, having checked every part of the file."""
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    place, parts = 8, {}
    while place < len(data):
        (length,) = struct.unpack(">I", data[place : place + 4])
        kind, content = data[place + 4 : place + 8], data[place + 8 : place + 8 + length]
        assert zlib.crc32(kind + content) == struct.unpack(">I", data[place + 8 + length :][:4])[0]
        parts.setdefault(kind, content)
        place += 12 + length
    assert b"IEND" in parts
    return struct.unpack(">II", parts[b"IHDR"][:8])


def refusal(trace, path, **options):
    with pytest.raises(InputError) as caught:
        plot(trace, path, **options)
    assert not path.exists()
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    return message


# --- The file -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("what", "width", "height"),
    [((), 1500, 690), (["loss"], 750, 690), (["boundary"], 750, 690)],
)
def test_a_png_has_its_size_in_dots(what, width, height, xor, tmp_path):
    path = plot(xor, tmp_path / "xor.png", what=what)
    assert path == tmp_path / "xor.png"
    assert size_of_png(path.read_bytes()) == (width, height)
    assert [file.name for file in tmp_path.iterdir()] == ["xor.png"]


def test_a_png_is_not_blank(xor, matplotlib, tmp_path):
    from matplotlib.image import imread

    picture = imread(plot(xor, tmp_path / "xor.png", what=["boundary"]))
    dots = Counter(map(tuple, (picture[..., :3] * 255).round().astype(int).reshape(-1, 3)))
    # Half of the page is shaded, in several shades.
    assert sum(count for color, count in dots.items() if len(set(color)) > 1) > 0.4 * dots.total()
    assert len([color for color, count in dots.items() if count > 2000]) > 5


def test_the_suffix_may_be_in_capitals_and_the_path_a_text(xor, tmp_path):
    path = plot(xor, str(tmp_path / "XOR.PNG"))
    assert size_of_png(path.read_bytes())


@pytest.mark.parametrize("suffix", slow_but(["svg"], ["png", "svg"]))
@pytest.mark.parametrize("name", slow_but(["xor"], ["xor", "blobs"]))
def test_the_same_trace_gives_the_same_bytes(name, suffix, request, tmp_path):
    trace = request.getfixturevalue(name)
    first = plot(trace, tmp_path / f"a.{suffix}").read_bytes()
    assert plot(trace, tmp_path / f"b.{suffix}").read_bytes() == first


@pytest.mark.slow
def test_another_process_gives_the_same_bytes(blobs, tmp_path):
    names = ("there.png", "there.svg")
    program = "import sys, cellprop.faces.plots as p, cellprop\nfor path in sys.argv[1:]:\n"
    program += "    p.plot(cellprop.example('blobs'), path)\n"
    paths = [str(tmp_path / name) for name in names]
    environment = os.environ | {"PYTHONHASHSEED": "7", "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", program, *paths], env=environment, check=True)
    for name in names:
        here = plot(blobs, tmp_path / name.replace("there", "here"))
        assert here.read_bytes() == (tmp_path / name).read_bytes()


def test_nothing_says_when_or_with_what_version_it_was_drawn(xor, matplotlib, tmp_path):
    for suffix in ("png", "svg"):
        data = plot(xor, tmp_path / f"xor.{suffix}").read_bytes()
        assert matplotlib.__version__.encode() not in data
        assert b"Software" not in data
        assert b"dc:date" not in data
        assert not re.search(rb"20[0-9]{2}-[0-9]{2}-[0-9]{2}", data)


@pytest.mark.parametrize("suffix", slow_but(["svg"], ["png", "svg"]))
def test_the_users_own_style_changes_nothing_and_is_left_alone(suffix, matplotlib, xor, tmp_path):
    usual = plot(xor, tmp_path / f"usual.{suffix}").read_bytes()
    own = {"font.size": 30, "svg.fonttype": "path", "axes.facecolor": "red", "savefig.dpi": 30}
    with matplotlib.rc_context(own):
        before = dict(matplotlib.rcParams)
        assert plot(xor, tmp_path / f"own.{suffix}").read_bytes() == usual
        assert dict(matplotlib.rcParams) == before


def test_drawing_never_imports_pyplot(tmp_path):
    program = (
        "import sys, cellprop, cellprop.faces.plots as p\n"
        "assert 'matplotlib' not in sys.modules\n"
        "trace = cellprop.example('xor', epochs=3)\n"
        "for suffix in ('png', 'svg'):\n"
        "    p.plot(trace, f'{sys.argv[1]}/xor.{suffix}')\n"
        "print('matplotlib' in sys.modules, 'matplotlib.pyplot' in sys.modules)\n"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program, str(tmp_path)],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout.split() == ["True", "False"]
    assert done.stderr == ""


def test_a_failure_leaves_the_earlier_file(xor, monkeypatch, tmp_path):
    path = plot(xor, tmp_path / "xor.png")
    before = path.read_bytes()
    monkeypatch.setattr(plots, "as_file", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        plot(xor, path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["xor.png"]


def test_a_folder_that_is_not_there_is_named(xor, tmp_path):
    with pytest.raises(OutputError, match="there is no folder"):
        plot(xor, tmp_path / "none" / "xor.png")


# --- What can't be drawn ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "found"), [("xor.pdf", "'.pdf'"), ("xor", "none"), ("xor.png.\x1b", "'.␛'")]
)
def test_another_suffix_is_named_with_those_there_are(name, found, xor, tmp_path):
    message = refusal(xor, tmp_path / name)
    place = label(tmp_path / name)
    assert message == f"{place}: expected a name that ends in .png or .svg, found {found}."


def test_a_boundary_needs_two_inputs(tmp_path):
    message = refusal(cellprop.article(), tmp_path / "a.png", what=["boundary"])
    assert message == (
        "boundary: expected a network with 2 inputs, which span a plane, found 4;"
        " draw the loss only."
    )


def test_an_unknown_picture_is_named_with_the_nearest(xor, tmp_path):
    message = refusal(xor, tmp_path / "a.png", what=["los\x1b"])
    assert message == ("what: 'los␛' is not known; known: loss, boundary. Did you mean 'loss'?")


def test_without_matplotlib_it_is_said_how_to_get_it(xor, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    message = refusal(xor, tmp_path / "a.png")
    assert message == "matplotlib is not installed; `pip install 'cellprop[learn]'` brings it."


# --- The curves ---------------------------------------------------------------------------


def axes_of(trace, *wanted):
    """Return the parts of a figure before it is written."""
    drawing = plots._Drawing(trace, load())
    with plots.drawn_in_style(drawing.text):
        figure = drawing.figure(wanted)
        figure.draw_without_rendering()
    return figure.axes


def test_the_curve_is_the_loss_after_each_epoch_and_below_it_the_accuracy(xor):
    loss, accuracy = axes_of(xor, "loss")
    for axes, values in ((loss, xor.losses), (accuracy, xor.accuracies)):
        (line,) = axes.lines
        assert line.get_xdata().tolist() == list(range(301))
        assert line.get_ydata().tolist() == values.tolist()
    assert loss.get_yscale() == "linear"
    assert loss.get_ylim()[0] == 0
    assert loss.get_title(loc="right") == f"{xor.losses[0]:.4g} → {xor.losses[-1]:.4g}"
    assert accuracy.get_title(loc="right") == "50% → 100%"


def test_nearly_all_right_is_not_written_as_all():
    shown = [plots._percent(share) for share in (0, 1 / 3, 0.5, 0.99996, 1)]
    assert shown == ["0%", "33.3%", "50%", "99.9%", "100%"]


def test_without_classes_there_is_no_accuracy():
    (axes,) = axes_of(trained([[1, 2, 3], [4, 5, 6]], [0.5, 2], activation="linear"), "loss")
    assert axes.get_ylabel() == "Loss: squared error"


def test_a_loss_over_more_than_two_decades_has_a_logarithmic_scale():
    X = np.linspace(-1, 1, 20)[:, np.newaxis]
    trace = trained(X, X[:, 0], activation="linear", average=True, learning_rate=0.3, epochs=20)
    assert trace.losses[0] / trace.losses[-1] > 100
    (axes,) = axes_of(trace, "loss")
    assert axes.get_yscale() == "log"
    shown = [text.get_text() for text in axes.get_yticklabels()]
    assert "0.01" in shown
    assert not any("$" in text for text in shown)


def test_a_loss_of_zero_is_drawn():
    trace = trained([[0.0]], [[0.0]], activation="linear", parameters={
        "wh": [[0, 0, 0]], "bh": [[0, 0, 0]], "wout": [[0], [0], [0]], "bout": [[0]],
    })  # fmt: skip
    assert trace.losses.tolist() == [0, 0, 0, 0]
    (axes,) = axes_of(trace, "loss")
    assert axes.get_yscale() == "linear"


def test_before_any_epoch_the_loss_is_a_dot(tmp_path):
    trace = cellprop.example("xor", epochs=0)
    loss, _ = axes_of(trace, "loss")
    assert loss.lines[0].get_marker() == "o"
    assert texts(svg(trace, tmp_path, what=["loss"])).count("0") == 1


def test_ten_thousand_epochs_stay_a_small_picture(tmp_path):
    trace = cellprop.example("xor", epochs=10_000)
    assert len(svg(trace, tmp_path, what="loss").findall(f".//{SVG}path")) > 0
    assert (tmp_path / "picture.svg").stat().st_size < 200_000


# --- The plane ----------------------------------------------------------------------------


def test_the_plane_is_that_of_the_raw_inputs():
    random = np.random.default_rng(0)
    X = random.normal(size=(40, 2)) * [1, 1000] + [0, 5000]
    trace = trained(X, (X[:, 1] > 5000).astype(int), scale="standard", epochs=200)
    (axes,) = axes_of(trace, "boundary")
    drawn = np.concatenate([c.get_offsets() for c in axes.collections if len(c.get_offsets()) > 1])
    assert sorted(drawn.tolist()) == sorted(X.tolist())
    (low, high), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    assert low < X[:, 0].min() < X[:, 0].max() < high
    assert bottom < X[:, 1].min() < X[:, 1].max() < top


def test_the_line_is_where_the_network_gives_one_half(xor):
    (axes,) = axes_of(xor, "boundary")
    (line,) = [c for c in axes.collections if getattr(c, "levels", [0])[0] == 0.5]
    places = np.concatenate([path.vertices for path in line.get_paths()])
    assert len(places) > 50
    assert np.abs(xor.predict(places).to_numpy() - 0.5).max() < 0.02


def test_each_class_has_its_marker_and_colour(blobs):
    (axes,) = axes_of(blobs, "boundary")
    samples = [c for c in axes.collections if len(c.get_offsets()) > 1]
    assert len(samples) == 3
    for part in ("color", "shape"):
        looks = {
            tuple(c.get_facecolor()[0]) if part == "color" else c.get_paths()[0].vertices.tobytes()
            for c in samples
        }
        assert len(looks) == 3
    of_class = blobs.values["y"].argmax(axis=1)
    for k, drawn in enumerate(samples):
        assert drawn.get_offsets().tolist() == blobs.values["X"][of_class == k].tolist()


@pytest.mark.parametrize("name", ["xor", "blobs"])
def test_a_class_has_the_colour_and_the_marker_that_it_has_in_the_workbooks_chart(name, request):
    trace = request.getfixturevalue(name)
    (axes, *_) = axes_of(trace, "boundary")
    samples = [c for c in axes.collections if len(c.get_offsets()) > 1]
    *_, chart = trace.to_workbook()["Training"]._charts
    in_chart = [series.marker for series in chart.series]
    assert [marker.graphicalProperties.solidFill.srgbClr for marker in in_chart] == [
        matplotlib_hex(drawn.get_facecolor()[0]) for drawn in samples
    ]
    assert [marker.symbol for marker in in_chart] == [
        marker.chart
        for drawn in samples
        for marker in MARKERS
        if np.array_equal(outline(marker.picture), drawn.get_paths()[0].vertices)
    ]


def matplotlib_hex(color):
    from matplotlib.colors import to_hex

    return to_hex(color)[1:].upper()


def outline(marker):
    from matplotlib.markers import MarkerStyle

    style = MarkerStyle(marker)
    return style.get_path().transformed(style.get_transform()).vertices


def test_the_first_49_classes_all_look_different():
    looks = {(color_of(k), marker_of(k)) for k in range(49)}
    assert len(looks) == 49
    assert all(color_of(k) != color_of(k + 1) for k in range(48))


def test_the_shade_of_an_output_gets_ever_darker_so_that_grey_shows_it_too():
    from matplotlib.colors import to_rgb

    grey = [to_rgb(tint) @ np.array([0.299, 0.587, 0.114]) for tint in plots.TINTS]
    assert grey == sorted(grey, reverse=True)
    assert grey[0] - grey[-1] > 0.1


def test_the_regions_are_those_of_the_largest_output(blobs):
    (axes,) = axes_of(blobs, "boundary")
    regions = [c for c in axes.collections if getattr(c, "filled", False)]
    assert len(regions) == 3
    random = np.random.default_rng(0)
    places = np.column_stack([random.uniform(*axes.get_xlim(), 300), random.uniform(-4, 5, 300)])
    largest = blobs.predict(places).to_numpy().argmax(axis=1)
    inside = np.array([
        sum(path.contains_points(places) for path in region.get_paths()) for region in regions
    ])  # fmt: skip
    assert (inside.argmax(axis=0) == largest).mean() > 0.98


def test_a_network_whose_outputs_are_all_the_same_has_one_region(tmp_path):
    names = {"wh": np.zeros((2, 3)), "wout": np.zeros((3, 3)), "bout": np.zeros((1, 3))}
    trace = flowers(epochs=0, parameters=names)
    (axes,) = axes_of(trace, "boundary")
    assert len([c for c in axes.collections if getattr(c, "filled", False)]) == 1
    assert svg(trace, tmp_path) is not None


def test_outputs_that_each_say_yes_or_no_have_a_panel_each(tmp_path):
    random = np.random.default_rng(0)
    X = random.normal(size=(30, 2))
    trace = trained(X, np.column_stack([X[:, 0] > 0, X[:, 1] > 0, X.sum(axis=1) > 0]).astype(int))
    assert trace.decision == "each yes or no"
    written = texts(svg(trace, tmp_path, what=["boundary"]))
    assert {"Output o1", "Output o2", "Output o3", "o2 = 0", "o3 = 1"} <= set(written)


def test_of_many_outputs_the_first_six_are_drawn_and_it_is_said(tmp_path):
    random = np.random.default_rng(0)
    trace = trained(random.normal(size=(9, 2)), random.normal(size=(9, 8)), activation="linear")
    written = texts(svg(trace, tmp_path))
    assert "Output o6" in written
    assert "Output o7" not in written
    assert "6 of 8 outputs" in written


def test_targets_that_are_no_classes_are_drawn_on_the_scale_of_the_output(tmp_path):
    random = np.random.default_rng(0)
    X = random.normal(size=(30, 2))
    trace = trained(X, 100 * X[:, 0], activation="linear", learning_rate=0.001)
    (axes,) = axes_of(trace, "boundary")
    (samples,) = [c for c in axes.collections if len(np.ravel(c.get_array())) == 30]
    assert samples.get_array().tolist() == trace.values["y"][:, 0].tolist()
    assert samples.norm.vmin <= trace.values["y"].min()
    assert samples.norm.vmax >= trace.values["y"].max()
    assert "Sample (filled with its target o1)" in texts(svg(trace, tmp_path))


@pytest.mark.parametrize("value", slow_but([0.0], [0.0, 3.0, -1e49, 1e-300]))
def test_inputs_and_targets_that_are_all_the_same_can_be_drawn(value, tmp_path):
    for activation, y in (("linear", [value] * 3), ("sigmoid", [1] * 3)):
        X = [[value, 2 * value]] * 3
        trace = trained(X, y, activation=activation, epochs=0, learning_rate=0)
        assert size_of_png(plot(trace, tmp_path / "a.png").read_bytes())


def test_of_many_samples_two_thousand_are_drawn_and_it_is_said(tmp_path):
    random = np.random.default_rng(0)
    X = random.normal(size=(100_000, 2))
    trace = trained(X, (X[:, 0] > 0).astype(int), average=True)
    picture = svg(trace, tmp_path)
    assert "2,000 of 100,000 samples" in texts(picture)
    (axes,) = axes_of(trace, "boundary")
    assert sum(len(c.get_offsets()) for c in axes.collections if len(c.get_offsets()) > 1) == 2000


def test_where_updates_see_a_few_samples_those_of_the_walked_one_are_drawn(tmp_path):
    trace = flowers(batch_size=20, walk_batch=2, scale="minmax")
    assert "20 of 60 samples: those of one update" in texts(svg(trace, tmp_path))


def test_where_all_samples_are_drawn_nothing_is_said(xor, tmp_path):
    assert not [text for text in texts(svg(xor, tmp_path)) if "samples" in text]


def test_of_many_classes_the_legend_names_the_first_and_counts_the_others(tmp_path):
    written = texts(svg(flowers(300, 30), tmp_path))
    assert "o11" in written
    assert "o12" not in written
    assert "… and 19 more" in written


# --- What is written ----------------------------------------------------------------------


def test_the_labels_of_the_data_are_in_the_picture(xor, tmp_path):
    written = texts(svg(xor, tmp_path))
    assert {"a", "b", "a xor b = 0", "a xor b = 1", "Output a xor b", "Epoch"} <= set(written)
    assert {"Output = 0.5", "Loss: binary cross-entropy", "Accuracy"} <= set(written)


@pytest.mark.parametrize("name", slow_but(HOSTILE[:1], HOSTILE))
def test_hostile_labels_are_written_as_they_are_or_cut(name, tmp_path):
    names = [f"_{name}", name, "third"]
    random = np.random.default_rng(0)
    X = pd.DataFrame(random.normal(size=(30, 2)), columns=[name, "β 你好 ਕਦਮ"])
    y = pd.DataFrame(np.eye(3)[random.integers(0, 3, 30)], columns=names)
    trace = trained(X, y, loss="cross_entropy", activation="tanh")
    picture = svg(trace, tmp_path)
    assert not list(picture.iter("script")) + list(picture.iter(f"{SVG}script"))
    written = texts(picture)
    shown = label(name)
    for wanted, most in ((shown, plots.LONGEST_AXIS), (f"_{shown}", plots.LONGEST_NAME)):
        cut = wanted if len(wanted) <= most else wanted[: most - 1] + "…"
        assert cut in written
    assert "β 你好 ਕਦਮ" in written
    assert size_of_png(plot(trace, tmp_path / "a.png").read_bytes()) == (1500, 690)


def test_the_picture_is_described_for_those_who_cant_see_it(blobs, tmp_path):
    picture = svg(blobs, tmp_path)
    title, description = (picture.find(SVG + tag).text for tag in ("title", "desc"))
    assert title == "Loss after each epoch · Output over the plane of x1 and x2"
    first, last = (f"{loss:.4g}" for loss in blobs.losses[[0, -1]])
    assert description == (
        f"The loss goes from {first} to {last} in 200 epochs. The accuracy goes from 33.3% to 100%."
        " The plane of x1 and x2 is divided into the regions of the classes A, B, C; samples are"
        " drawn by class."
    )
    data = plot(blobs, tmp_path / "a.png").read_bytes()
    assert title.encode() in data or title.encode("latin-1") in data
    assert b"The loss goes from" in data


def test_hostile_labels_leave_the_description_whole(tmp_path):
    X = pd.DataFrame([[1.0, 2.0], [2.0, 1.0]], columns=["</desc><a>", "]]>&lt;"])
    picture = svg(trained(X, [0, 1]), tmp_path)
    assert "the plane of </desc><a> and ]]>&lt;".lower() in picture.find(f"{SVG}desc").text.lower()


def test_the_words_may_be_others(xor, tmp_path):
    usual = load()
    words = Words({**usual.texts, "plots.epoch": "ਦੌਰ $x$", "plots.line": "½"})
    written = texts(svg(xor, tmp_path, words=words))
    assert "ਦੌਰ $x$" in written
    assert "½" in written
    assert "Epoch" not in written


def test_letters_that_the_font_lacks_are_taken_from_one_that_has_them():
    assert plots._fonts("Epoch → β … ½") == []
    found = plots._fonts("ਕ\U0010fffd")
    assert plots.FONT not in found
    assert not [name for name in found if "Last Resort" in name]

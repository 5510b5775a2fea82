"""Scripts of what was traced: they run by themselves, and print the trace's numbers."""

from __future__ import annotations

import contextlib
import io
import subprocess
import sys
from collections.abc import Iterator, Mapping

import numpy as np
import pytest

import cellprop
from cellprop import (
    concatenate,
    convolve,
    embed,
    flip,
    greater,
    layer_norm,
    max_pool,
    maximum,
    mean_pool,
    minimum,
    pad,
    relu,
    sigmoid,
    softmax,
    squared_error,
    tanh,
)
from cellprop.errors import InputError
from cellprop.faces.code import LANGUAGES
from cellprop.files.examples import examples
from cellprop.programs.program import Role
from cellprop.running.loading import shipped
from cellprop.tracing import Trace
from conftest import slow_but

# --- What is traced -----------------------------------------------------------------------

DATA = [[0.2, 1.1], [1.3, -0.4], [0.7, 0.9], [-1.2, 0.3]]
ACTIVATIONS = (
    "sigmoid", "tanh", "relu", "leaky_relu", "linear", "softplus", "elu", "silu", "gelu",
)  # fmt: skip
LOSSES = {
    "squared_error": "gelu", "binary_cross_entropy": "sigmoid", "cross_entropy": "softmax",
}  # fmt: skip


def network(activation: str, loss: str, bias: bool = True, **options) -> Trace:
    classes = loss == "cross_entropy"
    made = cellprop.Network(
        [2, 3, 2, 3 if classes else 1],
        activation=activation,
        output_activation=LOSSES[loss],
        loss=loss,
        bias=bias,
    )
    return cellprop.trace(
        made, DATA, np.eye(3)[[0, 1, 2, 0]] if classes else [0, 1, 1, 0], seed=3, **options
    )


def trained(optimizer: str, *, average: bool, scale: str | None, batch: int | None) -> Trace:
    batches = {"batch_size": batch, "walk_batch": 2} if batch else {}
    return network(
        "tanh", "cross_entropy", optimizer=optimizer, average=average, scale=scale,
        epochs=4, walk_epoch=4, **batches,
    )  # fmt: skip


@cellprop.program(kernel=2, features=6)
def moved(m):
    """Whatever moves numbers, in names that scripts use for themselves."""
    x = m.given("x", "rows", "columns")
    K = m.parameter("K_e", "kernel", "kernel", "glorot")
    bias = m.parameter("bias", 1, 1, "ones")
    with m.step("Convolve"):
        turned = m.define("torch", flip(pad(x, rows=1, columns=(0, 1)), axis=0))
        a = m.define("a", convolve(turned, K, stride=2, padding=1) + bias)
    with m.step("Pool\nand pick"):
        k = m.define("k", max_pool(a, 2, stride=1) - mean_pool(a, 2, stride=1))
        least = m.define("least", minimum(maximum(k, 0.1), 0.9) / a[0, 0])
    with m.step("Flatten"):
        side = m.define("sum", concatenate(least[0:1], least[1:2], axis=1, name="features"))
    W = m.parameter("W", "features", "features", "glorot")
    with m.step("Output"):
        output = m.define("output", side[:, ::-1] @ W)
    return squared_error(m.target("y", 1, "features"), output)


@cellprop.program(hidden=2, words=3)
def split(m):
    """Ways that part: gates that are flat, what is only called otherwise, two losses."""
    x = m.given("x", "samples", "inputs")
    word = m.given("word", "samples", 1)
    W = m.parameter("W", "inputs", "hidden")
    E = m.parameter("E", "words", "hidden")
    gain, shift = m.parameter("gain", 1, "hidden", "ones"), m.parameter("shift", 1, "hidden")
    with m.step("Half"):
        half = m.define("half", x / 2)
        z = m.define("z", half @ W + embed(E, word))
        gate = m.define("gate", greater(z, 0.6))
    with m.step("Called otherwise"):
        same = m.define("same", z)
        kept = m.define("kept", relu(same) * gate + z)
    with m.step("Norm"):
        normed = m.define("normed", layer_norm(kept, gain, shift, keep=m.define))
        shares = m.define("shares", softmax(normed))
    return [
        squared_error(m.target("y", "samples", "hidden"), sigmoid(shares)),
        squared_error(m.target("t", "samples", "inputs"), tanh(half) + same[:, 0]),
    ]


def made_up() -> Iterator[tuple[str, Trace]]:
    image = np.arange(25.0).reshape(5, 5) % 7 / 7
    yield "moved", cellprop.trace(moved, image, [[0.1, 0.5, 0.2, 0.9, 0.4, 0.7]], seed=2, epochs=2)
    given = {"x": DATA, "word": [[1], [3], [1], [2]]}
    targets = {"y": np.eye(2)[[0, 1, 1, 0]], "t": DATA}
    yield "split", cellprop.trace(split, given, targets, seed=2, epochs=2)


def everything() -> Iterator[tuple[str, Trace]]:
    for name in (*examples(), *shipped()):
        yield name, cellprop.example(name)
    yield from made_up()
    for activation in ACTIVATIONS:
        yield activation, network(activation, "squared_error")
    for loss in LOSSES:
        yield loss, network("elu", loss, bias=False)
    for optimizer in ("sgd", "momentum", "adam"):
        for average in (False, True):
            for scale in (None, "minmax", "standard"):
                for batch in (None, 1, 2):
                    name = f"{optimizer} {average} {scale} {batch}"
                    run = trained(optimizer, average=average, scale=scale, batch=batch)
                    yield name, run


# --- What is printed ----------------------------------------------------------------------


def printed(text: str, run: Trace) -> dict[str, np.ndarray]:
    """The matrices that a script printed: a name, then its rows."""
    found: dict[str, list[list[float]]] = {}
    for line in text.splitlines():
        if line in run.values:
            assert line not in found
            found[line] = rows = []
        else:
            rows.append([float(number) for number in line.split(" ")])
    return {name: np.array(rows) for name, rows in found.items()}


def differing(found: Mapping[str, np.ndarray], run: Trace) -> list[str]:
    def is_same(ours: np.ndarray, theirs: np.ndarray) -> bool:
        # What cancels to nothing, as what comes back to a mean, is left with rounding.
        allowed = 1e-12 * np.abs(ours).max() + 1e-16
        return ours.shape == theirs.shape and bool(np.abs(ours - theirs).max() <= allowed)

    return [name for name, values in found.items() if not is_same(run.values[name], values)]


def ran(script: str) -> str:
    with contextlib.redirect_stdout(io.StringIO()) as out:
        exec(compile(script, "script", "exec"), {})
    return out.getvalue()


def wrong_in_python(run: Trace) -> list[str]:
    found = printed(ran(run.code()), run)
    return [*set(run.names).difference(found), *differing(found, run)]


ALL = ("article", "moons", "lstm", "convolution", "embedding", "graph", "transformer")


@pytest.mark.parametrize("name", slow_but(ALL, (*examples(), *shipped())))
def test_the_python_script_of_an_example_prints_every_matrix_of_the_trace(name):
    assert wrong_in_python(cellprop.example(name, **{"epochs": 2})) == []


def test_names_that_a_script_uses_itself_are_told_apart():
    for name, run in made_up():
        assert wrong_in_python(run) == [], name
    run = dict(made_up())["moved"]
    assert "\ntorch = " in run.code()
    assert '\nshow_matrix("torch", torch_)\n' in run.code("pytorch")
    assert "\nsum_ = " in run.code()


@pytest.mark.slow
def test_the_python_script_of_all_there_is_prints_every_matrix_of_the_trace():
    assert {name: wrong for name, run in everything() if (wrong := wrong_in_python(run))} == {}


def test_the_script_runs_where_there_is_nothing_but_numpy(tmp_path):
    script = tmp_path / "article.py"
    run = cellprop.article()
    script.write_text(run.code(), encoding="utf-8")
    command = [sys.executable, "-I", str(script)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert differing(printed(done.stdout, run), run) == []
    assert "cellprop" not in run.code()


# --- PyTorch ------------------------------------------------------------------------------

# What autograd does not tell: slopes, the long way round, shares of what is used twice.
UNTOLD: tuple[Role, ...] = ("slope", "check", "change")


@pytest.mark.slow
def test_pytorch_goes_back_as_the_steps_do():
    torch = pytest.importorskip("torch")
    usual = torch.get_default_dtype()
    try:
        for name, run in everything():
            torch.set_grad_enabled(True)
            found = printed(ran(run.code("pytorch")), run)
            assert differing(found, run) == [], name
            missing = [each for each in run.names if each not in found]
            assert {run.program.roles[each] for each in missing} <= set(UNTOLD), name
            assert set(run.program.updates) | {m.name for m in run.program.updates.values()} <= set(
                found
            )
    finally:
        torch.set_default_dtype(usual)
        torch.set_grad_enabled(True)


def test_only_the_way_forward_is_written_in_pytorch():
    text = cellprop.article().code("pytorch")
    assert "\nsquared_error.sum().backward()\n" in text
    assert "\nd_hiddenlayer = -hidden_layer_input.grad\n" in text
    assert "\nwh_new = wh + (-wh.grad) * lr\n" in text
    assert "not printed: slope_output_layer, slope_hidden_layer." in text.replace("\n# ", " ")
    text = cellprop.example("rnn").code("pytorch")
    assert "\nd_W_h = W_h.grad\n" in text
    assert "\nW_h_new = W_h - d_W_h * lr\n" in text


# --- R ------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_r_script_prints_every_matrix_of_the_trace(rscript, tmp_path):
    runs = dict(everything())
    lines = ["options(warn = 2)"]
    for i, run in enumerate(runs.values()):
        script = tmp_path / f"{i}.R"
        script.write_text(run.code("r"), encoding="utf-8")
        lines += [f'cat("=== {i}\\n")', f'source("{script}", local = new.env())']
    together = tmp_path / "all.R"
    together.write_text("\n".join(lines), encoding="utf-8")
    command = [rscript, "--vanilla", str(together)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    texts = [part.partition("\n")[2] for part in done.stdout.split("=== ")[1:]]
    assert len(texts) == len(runs)
    for (name, run), text in zip(runs.items(), texts, strict=True):
        found = printed(text, run)
        assert set(found) == set(run.names), name
        assert differing(found, run) == [], name


def test_the_r_script_does_the_articles_listing_right():
    text = cellprop.article().code("r")
    # The article keeps a bias row for each sample, and sums rows where columns are meant.
    assert "\nbh <- matrix(c(0.46, 0.72, 0.08), nrow = 1)\n" in text
    assert '\nhidden_layer_input <- sweep(X %*% wh, 2, bh, "+")\n' in text
    assert "\nbout_new <- bout + t(colSums(d_output)) * lr\n" in text
    assert "rowSums" not in text


# --- How it reads -------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_script_opens_with_what_it_is_and_has_a_block_for_each_step(language):
    text = cellprop.article().code(language)
    assert text.startswith("# A network of 4-3-1 neurons, forwards and back, in ")
    assert "\n\n# Step 2 of 11 · Hidden layer input\nhidden_layer_input " in text
    assert text.endswith(")\n")
    assert max(map(len, text.splitlines())) <= 100


def test_a_later_update_says_that_it_starts_from_its_own_numbers():
    said = "The first numbers are those before this update"
    assert said not in cellprop.article().code()
    later = cellprop.example("xor", walk_epoch=7, epochs=8)
    assert said in later.code().replace("\n# ", " ")
    assert f"    [{float(later.values['wh'][0, 0])!r}, " in later.code()


def test_a_title_is_a_comment_whatever_stands_in_it():
    text = dict(made_up())["moved"].code()
    assert "\nand pick" not in text


def test_a_language_that_is_not_there_is_told_in_one_line():
    with pytest.raises(InputError, match=r"language: 'perl' is not known; known: python, r, pyt"):
        cellprop.article().code("perl")


# --- The command --------------------------------------------------------------------------


def test_the_command_writes_by_a_name_that_follows_what_was_traced(run, here):
    for language, name in {"python": "xor.py", "r": "xor.R", "pytorch": "xor-pytorch.py"}.items():
        done = run("code", "--example", "xor", "--language", language)
        assert done == (0, f"outputs/{name}\n", "")
        text = (here / "outputs" / name).read_text(encoding="utf-8")
        assert text == cellprop.example("xor").code(language)


def test_the_command_prints_where_it_is_asked_to(run, here):
    assert run("code", "-o", "-") == (0, cellprop.article().code(), "")
    assert list(here.iterdir()) == []


def test_what_the_command_cannot_do_is_told_in_one_line(run, here):
    code, out, error = run("code", "--language", "perl")
    assert (code, out, error.count("\n")) == (2, "", 1)
    assert "'perl' is not one of 'python', 'r', 'pytorch'" in error
    code, out, error = run("code", "--iterations", "3")
    assert (code, out, error.count("\n")) == (2, "", 1)
    assert error.startswith("cellprop: --iterations: a script is of one update")
    assert list(here.iterdir()) == []

"""A script of what was traced, which anybody can run: in Python with NumPy, in R or with PyTorch.

It has its first numbers in it, then each step's statements as the algebra writes them, and prints
every matrix. With PyTorch only the way forward is written: autograd goes back, and what it finds
stands under the names of the steps. Knows a program's matrices, and how each language writes a
matrix and prints one; how an operation is written, its row in the table says.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial

from cellprop.algebra import (
    Applied,
    Expression,
    Matrix,
    Notation,
    goes_back,
    is_taken_of_many,
    statement,
)
from cellprop.files.safe import known
from cellprop.programs.program import Role, Step
from cellprop.running.run import Run
from cellprop.texts import captions
from cellprop.texts.words import Words, load

WIDEST = 88
INDENT = "    "
# Numbers of the update rule's own, which nobody would write as a matrix.
PLAIN: tuple[Role, ...] = ("rate", "setting", "share", "counter")

PYTHON_SHOWS = '''
def show_matrix(name, matrix):
    """Print the name of a matrix, then its rows."""
    print(name)
    for row in {rows}:
        print(*(f"{{number:.17g}}" for number in row{numbers}))
'''
R_SHOWS = """
# Print the name of a matrix, then its rows.
show_matrix <- function(name, matrix) {
  matrix <- as.matrix(matrix)
  cat(name, "\\n", sep = "")
  for (i in seq_len(nrow(matrix))) {
    cat(paste(sprintf("%.17g", matrix[i, ]), collapse = " "), "\\n", sep = "")
  }
}
"""


@dataclass(frozen=True)
class Language:
    """How a language writes what stands around the statements.

    Attributes:
        notation: Which text of an expression it reads.
        ending: What the name of its files ends with.
        opening: What stands before the first step.
        taken: The names that the script uses for itself.
        matrix: Writes rows of numbers.
        numbers: How it writes numbers that are none: infinity, and not a number.
    """

    notation: Notation
    ending: str
    opening: str
    taken: frozenset[str]
    matrix: Callable[[Sequence[Sequence[str]]], str]
    numbers: tuple[str, str]


def _bracketed(function: str, rows: Sequence[Sequence[str]]) -> str:
    if len(rows) == 1 and len(line := f"{function}([[{', '.join(rows[0])}]])") <= WIDEST:
        return line
    lines = "\n".join(f"{_wrapped(row, INDENT + '[', INDENT + ' ')}]," for row in rows)
    return f"{function}([\n{lines}\n])"


def _in_r(rows: Sequence[Sequence[str]]) -> str:
    if len(rows) == 1 and len(line := f"matrix(c({', '.join(rows[0])}), nrow = 1)") <= WIDEST:
        return line
    lines = ",\n".join(_wrapped(row, "  ", "  ") for row in rows)
    return f"matrix(c(\n{lines}\n), nrow = {len(rows)}, byrow = TRUE)"


def _wrapped(row: Sequence[str], first: str, others: str) -> str:
    text = ", ".join(row)
    if len(first) + len(text) < WIDEST:
        return first + text
    return textwrap.fill(
        text, WIDEST, initial_indent=first, subsequent_indent=others, break_long_words=False,
        break_on_hyphens=False,
    )  # fmt: skip


PYTHON = frozenset({"np", "show_matrix", "print", "sum", "range"})
LANGUAGES: Mapping[str, Language] = {
    "python": Language(
        "numpy",
        "py",
        f"import numpy as np\n\n{PYTHON_SHOWS.format(rows='np.atleast_2d(matrix)', numbers='')}",
        PYTHON,
        partial(_bracketed, "np.array"),
        ("np.inf", "np.nan"),
    ),
    "r": Language("r", "R", R_SHOWS.strip("\n"), frozenset({"show_matrix"}), _in_r, ("Inf", "NaN")),
    "pytorch": Language(
        "torch",
        "py",
        "import torch\n\ntorch.set_default_dtype(torch.float64)\n\n"
        + PYTHON_SHOWS.format(
            rows="torch.atleast_2d(torch.as_tensor(matrix))", numbers=".tolist()"
        ),
        PYTHON | {"torch"},
        partial(_bracketed, "torch.tensor"),
        ("torch.inf", "torch.nan"),
    ),
}


def script(run: Run, language: str, words: Words | None = None) -> str:
    """Return a script (str) of the walked update, from its first numbers on.

    Parameters
    ----------
    run
        What was traced.
    language
        One of `LANGUAGES`.
    words
        What comments say.

    Raises
    ------
    InputError
        If there is no such language.
    """
    known("language", language, LANGUAGES)
    writing = _Writing(run, LANGUAGES[language], words or load())
    body = writing.by_autograd() if language == "pytorch" else writing.by_steps()
    blocks = [*writing.head(language), LANGUAGES[language].opening.rstrip("\n")]
    return "\n\n".join([*blocks, "", *body]).replace("\n\n\n\n", "\n\n\n") + "\n"


@dataclass(frozen=True)
class _Writing:
    """A script as it is written: of what, in which language, with which words."""

    run: Run
    language: Language
    words: Words

    # --- What is said

    def head(self, language: str) -> Iterator[str]:
        """Yield the comments that a script opens with."""
        program, words = self.run.program, self.words
        if program.is_written:
            what = words("code.program", name=program.name)
        else:
            what = words("code.network", sizes="-".join(map(str, self.run.network.sizes)))
        says = [words("code.title", what=what, language=words(f"code.languages.{language}"))]
        said = [captions.shown(words, self.run.update), words("code.says")]
        if (self.run.walk_epoch, self.run.walk_batch) != (1, 1):
            said.append(words("code.start"))
        if language == "pytorch":
            said.append(words("code.autograd"))
            left = [m.name for m in program.brought_by("loss", "backward") if self._is_left(m)]
            said += [words("code.left_out", names=", ".join(left))] if left else []
        yield _comment(says[0]) + "\n#\n" + _comment(" ".join(said))

    def _heading(self, step: Step) -> str:
        return _comment(captions.heading(self.words, self.run.program.last, step))

    # --- Step by step

    def by_steps(self) -> Iterator[str]:
        """Yield a block for each step, with all that it brings."""
        for step in self.run.program.steps:
            yield self._block(step, map(self._lines, step.brings))

    def _block(self, step: Step, lines: Iterable[str]) -> str:
        return "\n".join([self._heading(step), *lines])

    def _lines(self, matrix: Matrix) -> str:
        """Return what brings a matrix, and prints it."""
        if matrix.definition is None:
            line = f"{self._name(matrix)}{self._gets}{self._given(matrix)}"
        else:
            line = self._statement(matrix)
        return f"{line}\n{self._show(matrix)}"

    def _show(self, matrix: Matrix) -> str:
        return f'show_matrix("{matrix.name}", {self._name(matrix)})'

    @property
    def _gets(self) -> str:
        return " <- " if self.language.notation == "r" else " = "

    def _name(self, matrix: Matrix) -> str:
        return f"{matrix.name}_" if matrix.name in self.language.taken else matrix.name

    def _statement(
        self, matrix: Matrix, others: Callable[[Expression], Expression | None] = lambda _: None
    ) -> str:
        """Return the statement of a matrix; `others`: what stands in it instead of something."""

        def other(part: Expression) -> Expression | None:
            if (found := others(part)) is not None:
                return found
            is_taken = isinstance(part, Matrix) and part.name in self.language.taken
            return _called(part, self._name(part)) if is_taken else None  # type: ignore[arg-type]

        assert matrix.definition is not None
        definition = _with_others(matrix.definition, other)
        made = replace(matrix, name=self._name(matrix), definition=definition)
        line = statement(made, self.language.notation)
        left, gets, right = line.partition(self._gets)
        if self.language.notation == "r" and is_taken_of_many(definition):
            # One number for all is a plain number, as the statements that follow take it.
            return f"{left}{gets}c({right})"
        if self.language.notation == "torch" and right.isidentifier():
            # Under another name it would be the same tensor, with one gradient for both.
            return f"{line}.clone()"
        return line

    def _given(self, matrix: Matrix) -> str:
        """Return the numbers of a matrix that no step computes."""
        values = self.run.values[matrix.name]
        is_plain = self.run.program.roles[matrix.name] in PLAIN or self.language.notation == "r"
        if matrix.is_scalar and is_plain:
            return self._number(values.item())
        return self.language.matrix([[self._number(x) for x in row] for row in values.tolist()])

    def _number(self, x: float) -> str:
        infinite, missing = self.language.numbers
        text = repr(float(x)).replace("inf", infinite).replace("nan", missing)
        # In Python the point makes it a number with decimals.
        return text.removesuffix(".0") if self.language.notation == "r" else text

    # --- By autograd

    @cached_property
    def _adjoint_of(self) -> Mapping[str, Matrix]:
        """By the name of a matrix that goes back: that of which it is the adjoint."""
        program = self.run.program
        learnt = set(program.parameters)
        of = [m for m in program.matrices if m.definition is not None or m in learnt]
        found: dict[str, Matrix] = {}
        for matrix in sorted(of, key=learnt.__contains__):
            adjoint = program.adjoints.get(matrix.name)
            if isinstance(adjoint, Matrix):
                found.setdefault(adjoint.name, matrix)
        return found

    def _is_left(self, matrix: Matrix) -> bool:
        """Whether autograd does not tell a matrix."""
        step = self.run.program.step_of(matrix)
        is_back = step is not None and step.kind == "backward"
        return is_back and matrix.name not in self._adjoint_of

    def by_autograd(self) -> Iterator[str]:
        """Yield a block for each step forward, one that goes back, and the steps back and on."""
        program = self.run.program
        adjoint_of = self._adjoint_of
        forward = [step for step in program.steps if step.kind not in ("backward", "update")]
        back = [step for step in program.steps if step.kind in ("loss", "backward")]
        kept = {m.name for m in adjoint_of.values()}
        learnt = {m.name for m in program.parameters}
        for step in forward:
            brings = [m for m in step.brings if m.name not in adjoint_of]
            if brings:
                yield self._block(step, [self._forward(m, kept, learnt) for m in brings])
        if program.losses:
            yield self._backward([m for m in adjoint_of.values() if m not in program.parameters])
        for step in back:
            brings = [m for m in step.brings if m.name in adjoint_of]
            if brings:
                lines = (self._gradient(m, adjoint_of[m.name]) for m in brings)
                yield self._block(step, lines)
        for step in program.steps:
            if step.kind == "update":
                yield self._block(step, map(self._updated, step.brings))

    def _forward(self, matrix: Matrix, kept: Collection[str], learnt: set[str]) -> str:
        """Return what brings a matrix on the way forward.

        `kept`: those whose gradients are asked for; `learnt`: those that gradients go back to,
        to which this one is added.
        """
        lines = self._lines(matrix)
        if matrix.definition is None:
            if matrix.name not in learnt:
                return lines
            line, *others = lines.rsplit("\n", 1)
            return "\n".join([f"{line[:-1]}, requires_grad=True)", *others])
        goes_on = goes_back(matrix.definition, learnt)
        if goes_on or matrix.name in kept:
            learnt.add(matrix.name)
        return lines if goes_on or matrix.name not in kept else f"{lines}\n{self._asked(matrix)}"

    def _asked(self, matrix: Matrix) -> str:
        return f"{self._name(matrix)}.requires_grad_()"

    def _backward(self, kept: Sequence[Matrix]) -> str:
        """Return the block that goes back through all steps at once."""
        signed = "gradients" if self.run.program.is_written else "changes"
        names = ", ".join(map(self._name, kept))
        if len(kept) == 1:
            names += ","
        loop = textwrap.fill(
            f"for matrix in ({names}):",
            WIDEST,
            subsequent_indent=2 * INDENT,
            break_long_words=False,
        )
        losses = [f"{self._name(loss)}.sum()" for loss in self.run.program.losses]
        total = losses[0] if len(losses) == 1 else f"({' + '.join(losses)})"
        return "\n".join(
            [
                _comment(self.words("code.back")),
                *([loop, f"{INDENT}matrix.retain_grad()"] if kept else []),
                f"{total}.backward()",
                "torch.set_grad_enabled(False)",
                _comment(self.words(f"code.{signed}")),
            ]
        )

    def _gradient(self, matrix: Matrix, of: Matrix) -> str:
        return f"{self._name(matrix)} = {self._signed(of)}\n{self._show(matrix)}"

    def _signed(self, of: Matrix) -> str:
        return f"{'' if self.run.program.is_written else '-'}{self._name(of)}.grad"

    def _updated(self, matrix: Matrix) -> str:
        """Return what updates a matrix, by what autograd found."""
        adjoints = [
            (adjoint, parameter)
            for parameter in self.run.program.parameters
            for adjoint in [self.run.program.adjoints.get(parameter.name)]
            if isinstance(adjoint, Applied)
        ]

        def other(part: Expression) -> Expression | None:
            found = next((of for adjoint, of in adjoints if adjoint is part), None)
            return _called(part, f"({self._signed(found)})") if found is not None else None

        line = self._statement(matrix, other)
        return f"{line}\n{self._show(matrix)}"


def _called(part: Expression, name: str) -> Matrix:
    return Matrix(name, part.rows, part.columns)


def _with_others(
    expression: Expression, other: Callable[[Expression], Expression | None]
) -> Expression:
    """Return an expression with something else wherever `other` knows what."""
    found = other(expression)
    if found is not None:
        return found
    if not isinstance(expression, Applied):
        return expression
    return expression.of(*(_with_others(operand, other) for operand in expression.operands))


def _comment(text: str) -> str:
    return textwrap.fill(
        text, WIDEST, initial_indent="# ", subsequent_indent="# ", break_long_words=False,
        break_on_hyphens=False,
    )  # fmt: skip

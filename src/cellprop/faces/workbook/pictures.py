"""The picture of what is trained: of a network its layers, of a written program its steps."""

from __future__ import annotations

from cellprop.faces.workbook import drawing, graph
from cellprop.faces.workbook.shapes import Drawing
from cellprop.programs.program import Program, Step
from cellprop.texts.words import Words


def large(words: Words, program: Program) -> Drawing:
    """Return the picture for *Contents*."""
    return (graph.large if program.is_written else drawing.large)(words, program)


def small(words: Words, program: Program, step: Step) -> Drawing:
    """Return the picture for a step's sheet, with what it is about lit."""
    return (graph.small if program.is_written else drawing.small)(words, program, step)

"""Workbooks to calculate by hand: written blank, for one or a class, and marked when they return.

`write` and `write_class` write them, `check` and `check_all` mark them, `annotate` writes copies
with the verdicts. `book` says what cells that wait for answers hold, `sheets` and `front` what
stands where, `hints` how answers are judged as they are typed, `carried` what a workbook carries to
be marked, `asked` which question counts, `keys` what a teacher keeps of a class, `batch` in what
questions differ. Builds on `workbook`.
"""

from __future__ import annotations

from cellprop.exercise.annotating import annotate as annotate
from cellprop.exercise.carried import read_secret as read_secret
from cellprop.exercise.checking import check as check
from cellprop.exercise.checking import check_all as check_all
from cellprop.exercise.classes import class_decimals as class_decimals
from cellprop.exercise.classes import drawn_seed as drawn_seed
from cellprop.exercise.classes import write_class as write_class
from cellprop.exercise.keys import read_key as read_key
from cellprop.exercise.writing import write as write

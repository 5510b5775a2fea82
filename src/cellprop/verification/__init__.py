"""Recalculating a workbook in somebody else's spreadsheet engine, and comparing every formula.

Knows files and engines; knows nothing of how the workbook was made, so that agreement means
something. IronCalc is embedded; LibreOffice is used when it is installed. `reading` opens the
file, `by_ironcalc` and `by_libreoffice` have it computed, `restating` puts comparisons so that the
first can make them, `verifying` says where what is computed differs from what is stored.
"""

from __future__ import annotations

from cellprop.verification.by_libreoffice import find_libreoffice as find_libreoffice
from cellprop.verification.by_libreoffice import recalculate as recalculate
from cellprop.verification.verifying import Difference as Difference
from cellprop.verification.verifying import Verification as Verification
from cellprop.verification.verifying import verify as verify

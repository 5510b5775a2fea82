"""`python -m cellprop` is the command line."""

from cellprop.cli import main

main()

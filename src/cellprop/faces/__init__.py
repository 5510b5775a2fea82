"""What shows a run: a layout, the workbook, the terminal, plots, the page of marks."""

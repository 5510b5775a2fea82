// Computes a workbook in HyperFormula. Reads JSON from standard input: `sheets` (rows of contents by
// name; what begins with = is a formula), `names` (what the defined names stand for) and `choices`
// (cells to fill in, one list after the other: sheet, row, column, content). Writes the values of all
// formula cells, by sheet and then "row,column", as a list: first as built, then after each choice.
const { HyperFormula } = require("hyperformula");

const { sheets, names, choices } = JSON.parse(require("fs").readFileSync(0, "utf8"));
const engine = HyperFormula.buildFromSheets(
  sheets,
  // Its own rounding of what is nearly a round number is off: no other spreadsheet does it.
  { licenseKey: "gpl-v3", smartRounding: false },
  Object.entries(names).map(([name, expression]) => ({ name, expression })),
);

function values() {
  const found = {};
  for (const [name, rows] of Object.entries(sheets)) {
    const sheet = engine.getSheetId(name);
    found[name] = {};
    rows.forEach((cells, row) =>
      cells.forEach((content, col) => {
        if (typeof content !== "string" || !content.startsWith("=")) return;
        const value = engine.getCellValue({ sheet, row, col });
        // An error is an object.
        found[name][`${row + 1},${col + 1}`] =
          value !== null && typeof value === "object" ? { error: value.value } : value;
      }),
    );
  }
  return found;
}

const found = [values()];
for (const choice of choices) {
  for (const [name, row, column, content] of choice) {
    engine.setCellContents({ sheet: engine.getSheetId(name), row: row - 1, col: column - 1 }, content);
  }
  found.push(values());
}
process.stdout.write(JSON.stringify(found));

// Checks KQL with Microsoft's own parser and binder.
//
//   node check.js jobs.json
//
// jobs.json is [{schema: {table: {column: type}}, files: [query.kql, ...]}, ...]. Prints, for
// each job, [{file, diagnostics: [{severity, code, start, message}], columns: [[name, type]]}].
const fs = require("fs");
require("@kusto/language-service-next/bridge.js");
require("@kusto/language-service-next/Kusto.Language.Bridge.js");

const { TableSymbol, DatabaseSymbol } = Kusto.Language.Symbols;
const jobs = JSON.parse(fs.readFileSync(process.argv[2]));

function* each(list) {
  const count = list ? System.Array.getCount(list) : 0;
  for (let i = 0; i < count; i++) yield System.Array.getItem(list, i);
}

function table([name, columns]) {
  const fields = Object.entries(columns).map(([column, type]) => `${column}:${type}`);
  return new TableSymbol.$ctor7(name, `(${fields.join(",")})`, null);
}

function globalsOf(schema) {
  const database = new DatabaseSymbol.ctor("workspace", Object.entries(schema).map(table));
  return Kusto.Language.GlobalState.Default.WithDatabase(database);
}

function check(file, globals) {
  const code = Kusto.Language.KustoCode.ParseAndAnalyze(fs.readFileSync(file, "utf8"), globals);
  const diagnostics = [...each(code.GetDiagnostics())].map((found) => ({
    severity: found.Severity,
    code: found.Code,
    start: found.Start,
    message: found.Message,
  }));
  const columns = [...each(code.ResultType && code.ResultType.Columns)].map((column) => [
    column.Name,
    column.Type.Name,
  ]);
  return { file, diagnostics, columns };
}

function answer({ schema, files }) {
  const globals = globalsOf(schema);
  return files.map((file) => check(file, globals));
}

console.log(JSON.stringify(jobs.map(answer)));

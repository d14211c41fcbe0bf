// What GraphQL's reference implementation says of a schema and of operations. stdin: {"sdl": text, "introspection":
// answer's data or null, "operations": [text]}; stdout: {"errors", "difference", "verdicts"}. Without stdin's JSON, with
// the argument "query": the introspection query that a client sends.
import { readFileSync } from 'node:fs';
import {
  buildClientSchema, buildSchema, getIntrospectionQuery, lexicographicSortSchema, NoUnusedVariablesRule, parse, printSchema,
  specifiedRules, validate, validateSchema,
} from 'graphql';

const options = { descriptions: true, specifiedByUrl: true, directiveIsRepeatable: true, schemaDescription: true,
  inputValueDeprecation: true };

function difference(ours, theirs) {
  const [a, b] = [ours, theirs].map((s) => printSchema(lexicographicSortSchema(s)).split('\n'));
  const at = a.findIndex((line, i) => line !== b[i]);
  if (at < 0 && a.length === b.length) return null;
  return `introspection says '${b[at < 0 ? a.length : at]}', the file '${a[at < 0 ? b.length : at]}'`;
}

function verdict(schema, text) {
  try {
    // W&B's clients declare variables that they do not use.
    return validate(schema, parse(text), specifiedRules.filter((r) => r !== NoUnusedVariablesRule)).map((e) => e.message);
  } catch (e) {
    return [e.message];
  }
}

function check({ sdl, introspection, operations }) {
  let schema;
  try {
    schema = buildSchema(sdl);
  } catch (e) {
    return { errors: [e.message], difference: null, verdicts: [] };
  }
  const errors = validateSchema(schema).map((e) => e.message);
  return {
    errors,
    difference: introspection && errors.length === 0 ? difference(schema, buildClientSchema(introspection)) : null,
    verdicts: errors.length === 0 ? operations.map((text) => verdict(schema, text)) : [],
  };
}

if (process.argv[2] === 'query') console.log(getIntrospectionQuery(options));
else console.log(JSON.stringify(check(JSON.parse(readFileSync(0, 'utf8')))));

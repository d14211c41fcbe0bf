"""The GraphQL engine against graphql-core: same verdicts, same answers, over seed documents and mutations of them."""

import ast
import json
import os
import pathlib
import random
import re
import subprocess

import graphql
import pytest
import wandb

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parent.parent
CHECK = ROOT / os.environ.get("SLIPWAY_BUILD", "build") / "tests" / "conformance" / "gql_check"
SDL = (HERE / "graphql" / "test.graphql").read_text()
DATA = json.loads((HERE / "graphql" / "data.json").read_text())
SEEDS = [s.strip() for s in (HERE / "graphql" / "seeds.graphql").read_text().split("===\n")]
VARIABLES = [
    {},
    None,
    {"id": 5, "yes": True, "a": 4, "n": 2, "undeclared": 1, "b": ["p"]},
    {"id": "x", "first": None, "yes": False, "no": True, "a": 1, "b": "one", "v": 3,
     "f": {"kinds": "HUMAN", "deep": {"range": {"from": 3}}}, "fs": {"limit": 9}, "i": 3.0, "fl": 3, "t": "é", "k": "GHOST",
     "j": {"x": [None, 1.5]}, "m": [1, [2], None], "big": 9007199254740993},
    {"id": True, "yes": "x", "a": 1.5, "b": [None], "f": {"nope": 1}, "fs": [{"limit": None}], "i": 2**31, "k": "NOPE", "t": 5},
    {"yes": True, "no": None, "i": None, "f": {"range": {"to": 1}}, "m": {"a": 1}, "n": None, "k": 5, "fl": "x"},
]  # fmt: skip


class Engine:
    """One gql_check process; a request a line."""

    def __init__(self):
        args = [CHECK, HERE / "graphql" / "test.graphql", HERE / "graphql" / "data.json"]
        self.process = subprocess.Popen(args, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, request):
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, f"gql_check died on {request!r}"
        return json.loads(line)


@pytest.fixture(scope="module")
def engine():
    e = Engine()
    yield e
    e.process.stdin.close()
    assert e.process.wait(timeout=10) == 0


def plain(value):
    """graphql-core's Undefined out of a tree: absent in objects, null in lists."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items() if v is not graphql.Undefined}
    if isinstance(value, (list, tuple)):
        return [None if v is graphql.Undefined else plain(v) for v in value]
    return value


def need(ok, value, name):
    if not ok:
        raise graphql.GraphQLError(f"{name} cannot represent {value!r}")
    return value


def oracle_schema():
    schema = graphql.build_schema(SDL)

    def scalar(name, accepts, literals, convert=lambda x: x):
        t = schema.type_map[name]
        t.parse_value = lambda v: convert(need(accepts(v), v, name))
        t.parse_literal = lambda node, _=None: convert(
            need(isinstance(node, literals), node, name).value if not isinstance(node, graphql.IntValueNode) else int(node.value)
        )

    text, integer, real = graphql.StringValueNode, graphql.IntValueNode, graphql.FloatValueNode
    scalar("JSONString", lambda v: isinstance(v, str), (text,))
    scalar("Int64", lambda v: isinstance(v, (int, float)) and not isinstance(v, bool) and v == int(v), (integer,), int)
    scalar("DateTime", lambda v: isinstance(v, (str, int, float)) and not isinstance(v, bool), (text, integer, real))
    return schema


ORACLE = oracle_schema()
LEFT_OUT = {"NoUnusedVariablesRule", "MaxIntrospectionDepthRule"}  # W&B's clients break the first
RULES = [r for r in graphql.specified_rules if r.__name__ not in LEFT_OUT]


class World(dict):
    """Root values of gql_check's resolvers."""

    def __init__(self):
        super().__init__(DATA)
        self.counter = 0
        self.update(user=lambda info, id: DATA.get("user"), node=lambda info, id: DATA["node"])
        self.update(search=lambda info, filter=None: DATA["search"])
        self.update(echo=lambda info, **args: plain(args), required=lambda info, **args: plain(args))
        self.update(fail=self.fail, failHard=self.fail, bump=self.bump, reset=self.reset)

    @staticmethod
    def fail(info):
        raise RuntimeError(f"{info.field_name} was asked for")

    def bump(self, info, by=0):
        self.counter += by or 0
        return {"value": self.counter}

    def reset(self, info):
        self.counter = 0
        return {"value": 0}


def shape(message):
    """A message without suggestions and wording of our own."""
    message = message.replace("'", '"')
    message = re.sub(r"( Did you mean .*\?| Use different aliases.*)$", "", message)
    message = re.sub(r'^(Fields "\w+" conflict).*', r"\1", message)
    message = re.sub(r"^(Cannot spread fragment).*", r"\1", message)
    message = re.sub(r"^(Int64|JSONString|DateTime) cannot represent.*", r"\1", message)
    message = re.sub(r'^(.*cannot represent [^:]*|Expected value of type ).*', r"\1", message, flags=re.S)
    return message.lower().replace("_", " ") if "may not be used on" in message else message


def shapes(messages):
    """What stands inside definitions that cannot be executed, graphql-core looks at and we do not."""
    found = {shape(m) for m in messages}
    return sorted({m for m in found if m.endswith("definition is not executable.")} or found)


def parse_place(request, line):
    """graphql-core places an unexpected token at the comment or description before it."""
    return [] if "#" in request["query"] or '"' in request["query"] else [line]


def oracle(request):
    """(stage, data, what errors are compared by)"""
    try:
        document = graphql.parse(request["query"])
    except graphql.GraphQLSyntaxError as e:
        return "parse", None, parse_place(request, e.locations[0].line)
    errors = graphql.validate(ORACLE, document, RULES, max_errors=1000)
    if errors:
        return "validate", None, shapes([e.message for e in errors])
    result = graphql.execute_sync(
        ORACLE, document, World(), variable_values=request.get("variables") or {}, operation_name=request.get("operationName")
    )
    if result.data is None and result.errors and not any(e.path for e in result.errors):
        return "prepare", None, [len(result.errors)]
    return "execute", plain(result.data), sorted([json.dumps(e.path), f"{e.locations[0].line}:{e.locations[0].column}"] for e in result.errors or [])


STAGES = {"GRAPHQL_PARSE_FAILED": "parse", "GRAPHQL_VALIDATION_FAILED": "validate"}


def ours(engine, request):
    answer = engine.ask(request)
    errors = answer.get("errors", [])
    if "data" not in answer or (answer["data"] is None and not any("path" in e for e in errors)):
        stage = STAGES.get(errors[0]["extensions"]["code"], "prepare")
        if stage == "parse":
            return stage, None, parse_place(request, errors[0]["locations"][0]["line"])
        if stage == "prepare":
            return stage, None, [len(errors)]
        return stage, None, shapes([e["message"] for e in errors])
    found = [[json.dumps(e["path"]), "{line}:{column}".format(**e["locations"][0])] for e in errors]
    return "execute", answer["data"], sorted(found)


def same(a, b):
    """Equal, with members in the same order."""
    if isinstance(a, dict) and isinstance(b, dict):
        return list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b and isinstance(a, bool) == isinstance(b, bool)


def compare(engine, request):
    expected, found = oracle(request), ours(engine, request)
    assert found[0] == expected[0] and found[2] == expected[2] and same(found[1], expected[1]), (
        f"{json.dumps(request)}\n  graphql-core: {expected}\n  ours:         {found}"
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_seed_documents_answer_as_graphql_core_does(engine, seed):
    for variables in VARIABLES:
        engine.ask({"query": "mutation { reset { value } }"})
        compare(engine, {"query": seed, "variables": variables})


TOKEN = re.compile(r'"""(?:[^\\]|\\.)*?"""|"(?:[^"\\\n]|\\.)*"|\.\.\.|[A-Za-z_]\w*|-?\d+(?:\.\d+)?|\s+|.', re.S)
WORDS = ["id", "name", "me", "User", "Run", "Node", "Named", "Hit", "Kind", "Filter", "on", "null", "true", "HUMAN", "1", "1.5", '"s"',
         "$a", "$f", "{", "}", "(", ")", "[", "]", ":", "!", "=", "@", "...", "@skip(if: true)", "...U", "...F", "&", "|", "$", "x", "query",
         "fragment", "{ id }", "(first: 1)", "text", "int", "...on User{id}", "\\", '"', '"""', "0", "00", "1e", "-", "__typename", "é"]  # fmt: skip


def mutate(rng, seed):
    tokens = [t for t in TOKEN.findall(seed)]
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(tokens))
        kind = rng.randrange(5)
        if kind == 0 and len(tokens) > 1:
            del tokens[at]
        elif kind == 1:
            tokens.insert(at, " " + rng.choice(WORDS) + " ")
        elif kind == 2:
            tokens[at] = rng.choice(WORDS)
        elif kind == 3:
            other = rng.randrange(len(tokens))
            tokens[at], tokens[other] = tokens[other], tokens[at]
        else:
            tokens.insert(at, tokens[rng.randrange(len(tokens))])
    return "".join(tokens)


@pytest.mark.parametrize("seed", range(int(os.environ.get("GQL_ROUNDS", "8"))))
def test_mutated_documents_answer_as_graphql_core_does(engine, seed):
    rng = random.Random(seed)
    for _ in range(500):
        engine.ask({"query": "mutation { reset { value } }"})
        compare(engine, {"query": mutate(rng, rng.choice(SEEDS)), "variables": rng.choice(VARIABLES)})


def wandb_documents():
    """Every GraphQL document that stands as one string in the installed wandb package."""
    start = re.compile(r"^\s*(#[^\n]*\s*)*(query|mutation|fragment|subscription|\{)\b")
    found = set()
    for path in pathlib.Path(wandb.__file__).parent.rglob("*.py"):
        text = path.read_text()
        if "query" not in text and "mutation" not in text:
            continue
        for node in ast.walk(ast.parse(text)):
            if not isinstance(node, ast.Constant) or not isinstance(node.value, str) or "{" not in node.value:
                continue
            if start.match(node.value):
                try:
                    graphql.parse(node.value)
                except graphql.GraphQLSyntaxError:
                    continue
                found.add(node.value)
    return sorted(found)


def test_every_document_of_the_wandb_package_parses(engine):
    documents = wandb_documents()
    assert len(documents) > 100
    for document in documents:
        answer = engine.ask({"query": document, "operationName": ""})
        assert answer["errors"][0]["extensions"]["code"] != "GRAPHQL_PARSE_FAILED", (document, answer)


def test_mutated_wandb_documents_parse_or_fail_as_in_graphql_core(engine):
    rng = random.Random(1)
    documents = wandb_documents()
    for _ in range(1000):
        query = mutate(rng, rng.choice(documents))
        try:
            graphql.parse(query)
            expected = True
        except graphql.GraphQLSyntaxError:
            expected = False
        errors = engine.ask({"query": query}).get("errors", [])
        found = not any(e.get("extensions", {}).get("code") == "GRAPHQL_PARSE_FAILED" for e in errors)
        assert found == expected, (query, errors)


def test_a_client_schema_can_be_built_from_introspection(engine):
    options = dict(descriptions=True, specified_by_url=True, directive_is_repeatable=True, schema_description=True)
    query = graphql.get_introspection_query(**options, input_value_deprecation=True)
    answer = engine.ask({"query": query})
    assert "errors" not in answer
    client = graphql.build_client_schema(answer["data"])
    assert graphql.print_schema(client) == graphql.print_schema(graphql.build_client_schema(
        graphql.execute_sync(graphql.build_schema(SDL), graphql.parse(query)).data))  # fmt: skip


BAD_SDL = [
    "type Query { a: Nope }", "type Query", "type Query { a: Int a: Int }", "type Query { a(b: Query): Int }", "type Query { __a: Int }",
    "type Query { a: Int } type Query { b: Int }", "interface I { a: Int } type Query implements I { b: Int }",
    "interface I { a: Int } type Query implements I { a: String }", "union U = Int type Query { u: U }", "union U type Query { u: U }",
    "enum E type Query { e: E }", "input I { a: Query } type Query { a: Int }", "input I { a: I! } type Query { a(i: I): Int }",
    "type Query { a: Int @nope }", "type Query { a: Int @skip(if: true) }", "type T { a: Int }", "extend type T { a: Int } type Query { a: Int }",
    "interface I { a: Int } interface J implements I { a: Int } type Query implements J { a: Int }",
    "interface I { a(x: Int): Int } type Query implements I { a: Int }", "interface I { a: Int } type Query implements I { a(x: Int!): Int }",
    "type Query { a(b: Int! @deprecated): Int }", "directive @x on FIELD directive @x on FIELD type Query { a: Int }",
    "schema { query: Q }", "schema { query: Query } schema { query: Query } type Query { a: Int }", "type Query { a: Int @deprecated @deprecated }",
    "enum E { A A } type Query { e: E }", "directive @d on NOWHERE type Query { a: Int }", "type Query { a: Int! ! }",
]  # fmt: skip
GOOD_SDL = [
    SDL, "type Query { a: Int } extend type Query { b: Int }", "schema { query: Q } type Q { a: [Q!]! }", "interface I { a: Q } type Q implements I"
    " { a: Q! } schema { query: Q }", "union U = Query type Query { u: U }", "input I { i: I l: [I!]! = [] } type Query { a(i: I): Int }",
]  # fmt: skip


@pytest.mark.parametrize("sdl", BAD_SDL + GOOD_SDL)
def test_schemas_are_judged_as_by_graphql_core(engine, sdl):
    try:
        expected = not graphql.validate_schema(graphql.build_schema(sdl))
    except (TypeError, graphql.GraphQLError):
        expected = False
    assert (engine.ask({"sdl": sdl})["error"] is None) == expected

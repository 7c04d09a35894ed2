"""Names and sizes: small files, small functions, few parameters, names that say something."""

import ast
from collections.abc import Iterator
from pathlib import Path

PACKAGES = ("advisor", "rag_baseline", "trainers")
EMPTY_WORDS = {"common", "data", "helper", "helpers", "info", "manager", "misc", "util", "utils"}
COMMANDS = "advisor/cli/data.py"  # named after the command `advisor data`, not after nothing
LINES_IN_FILE = 400
LINES_IN_FUNCTION = 60
PARAMETERS = 6
EXCUSED = 3

Function = ast.FunctionDef | ast.AsyncFunctionDef


def code_files(root: Path, *folders: str) -> list[Path]:
    return sorted(f for folder in folders for f in (root / folder).rglob("*.py"))


def functions(file: Path) -> Iterator[Function]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, Function):
            yield node


def parameters(function: Function) -> int:
    """As ruff counts: named ones, without self, cls and those that begin with an underscore."""
    named = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    return len([a for a in named if a.arg not in ("self", "cls") and not a.arg.startswith("_")])


def is_command(function: Function) -> bool:
    """A click command takes one parameter per option."""
    return any(
        ast.unparse(mark).startswith(("click.command", "click.group", "command.command"))
        for mark in function.decorator_list
    )


def place(root: Path, file: Path, function: Function) -> str:
    return f"{file.relative_to(root)}:{function.lineno} {function.name}"


def test_no_file_is_named_after_nothing(root: Path):
    files = code_files(root, *PACKAGES, "scripts", "benchmarks", "tests")
    bad = [str(f.relative_to(root)) for f in files if f.stem.strip("_") in EMPTY_WORDS]
    assert [name for name in bad if name != COMMANDS] == []


def test_files_are_short(root: Path):
    files = code_files(root, *PACKAGES, "scripts")
    sizes = {str(f.relative_to(root)): len(f.read_text().splitlines()) for f in files}
    assert len(sizes) > 80
    assert {name: size for name, size in sizes.items() if size > LINES_IN_FILE} == {}


def test_functions_are_short(root: Path):
    long = {}
    for file in code_files(root, *PACKAGES):
        for function in functions(file):
            size = (function.end_lineno or 0) - function.lineno + 1
            if size > LINES_IN_FUNCTION:
                long[place(root, file, function)] = size
    assert long == {}


def has_reason(file: Path, function: Function) -> bool:
    """The exception is written where it is taken, with its reason."""
    line = file.read_text(encoding="utf-8").splitlines()[function.lineno - 1]
    return "# noqa: PLR0913 - " in line


def test_parameters_are_few(root: Path):
    many, excused = {}, []
    for file in code_files(root, *PACKAGES):
        for function in functions(file):
            if parameters(function) > PARAMETERS and not is_command(function):
                if has_reason(file, function):
                    excused.append(place(root, file, function))
                else:
                    many[place(root, file, function)] = parameters(function)
    assert many == {}
    assert len(excused) <= EXCUSED, excused


def test_every_module_says_what_it_is_for(root: Path):
    files = code_files(root, *PACKAGES)
    silent = [
        str(f.relative_to(root)) for f in files if not ast.get_docstring(ast.parse(f.read_text()))
    ]
    assert silent == []


def test_tests_have_unique_names_within_a_file(root: Path):
    """A second function of one name replaces the first, which then never runs."""
    for file in code_files(root, "tests"):
        names = [n.name for n in ast.parse(file.read_text()).body if isinstance(n, Function)]
        assert len(names) == len(set(names)), file

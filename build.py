#!/usr/bin/env python3
"""Builds dist/phoenix.pyz and runs the tests; the standard library is all it needs.

    python3 build.py                         make dist/phoenix.pyz and dist/SHA256SUMS
    python3 build.py demo                    make it and show it at work
    python3 build.py test                    test it with each Python 3.9, 3.11 and 3.13 that is here
    python3 build.py test --slow             the same, and what takes minutes
    python3 build.py test [pytest arguments] one run with one Python: tests/unit/test_build.py, -k words, ...
    python3 build.py reproduce               build with every Python in different surroundings and compare
    python3 build.py stage DIR               write what phoenix.pyz unpacks to into the new folder DIR

Wheels are pinned in pyproject.toml, downloaded once to dist/wheels and checked on every use; environments are
in dist/env. To start afresh remove everything in dist but .gitkeep. Exit status: 0 done, 1 failed, 2 usage.
"""

from __future__ import annotations

import ast
import contextlib
import fcntl
import hashlib
import io
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

HERE = Path(__file__).resolve().parent
DIST = HERE / "dist"
WHEELS = DIST / "wheels"
PRODUCT = DIST / "phoenix.pyz"

SHEBANG = "/usr/bin/python3 -IS"
EPOCH = 315532800  # 1980-01-01, the first date that a zip archive can hold
DATE = (1980, 1, 1, 0, 0, 0)
EXECUTABLES = ("bin/", "libexec/")
AT_THE_ROOT = {"__main__.py": "phoenix/bootstrap/zipmain.py", "settle.py": "phoenix/bootstrap/settle.py"}
LIBRARY = "library.zip"
"""All that is unpacked and is no program, as one file."""
BEGIN = (
    "phoenix.modules",
    "phoenix.compiled",
    "phoenix.dispatch.main",
    "phoenix.dispatch.glance",
    "phoenix.manager",
    "tomli",
)
"""What every run imports, beside the managers: at its begin, or later because it reads a guest's file."""
UNWANTED = (".so", ".pth", ".pyc", ".pyd")
APT = "apt-get install python3-venv python3-pip"
TESTED = ("3.9", "3.11", "3.13")
ON_EACH_PYTHON = ("unit", "contract")


class BuildError(Exception):
    """Ends the program with one line that says what is wrong and one that says what to do."""

    def __init__(self, message: str, hint: str, code: int = 1) -> None:
        super().__init__(message)
        self.hint = hint
        self.code = code


# --- pins ---------------------------------------------------------------------------------------------------


def table(name: str) -> dict[str, Any]:
    """One table of pyproject.toml, of strings and lists of them; Python 3.9 has no tomllib."""
    text = (HERE / "pyproject.toml").read_text("utf-8")
    body = re.search(rf"^\[{re.escape(name)}\]\n(.*?)(?=^\[|\Z)", text, re.MULTILINE | re.DOTALL)
    if not body:
        raise BuildError(f"pyproject.toml has no table [{name}]", "git diff pyproject.toml")
    value = r"\"[^\"\n]*\"|\[[^\n]*\]|\[.*?\n\]"
    pairs = re.findall(rf"^\"?([^\"=\n]+?)\"? *= *({value})", body[1], re.MULTILINE | re.DOTALL)
    return {key: ast.literal_eval(literal) for key, literal in pairs}


def version() -> str:
    """The version, which pyproject.toml and the package must agree on."""
    declared = str(table("project")["version"])
    if f'__version__ = "{declared}"\n' not in (HERE / "phoenix/__init__.py").read_text("utf-8"):
        raise BuildError(
            f"phoenix/__init__.py has another version than pyproject.toml ({declared})", "make them the same"
        )
    return declared


# --- wheels -------------------------------------------------------------------------------------------------


def wheel(name: str, pinned: str) -> bytes:
    """The bytes of a pinned wheel, from dist/wheels or, once, from the package index."""
    path = WHEELS / name
    if not path.exists():
        fetch(name)
    data = path.read_bytes()
    found = hashlib.sha256(data).hexdigest()
    if found != pinned:
        raise BuildError(
            f"{path} has the SHA-256 {found}, and pyproject.toml pins {pinned}",
            f"rm '{path}' and try again; if it comes back, the package index serves another file",
        )
    return data


def fetch(name: str) -> None:
    """Download one wheel to dist/wheels, whole or not at all."""
    project, number = name.split("-")[:2]
    WHEELS.mkdir(parents=True, exist_ok=True)
    print(f"downloading {name}", flush=True)
    with tempfile.TemporaryDirectory(dir=WHEELS) as folder:
        pure = ["--only-binary", ":all:", "--platform", "any", "--implementation", "py", "--abi", "none"]
        run([*pip(), "download", "--quiet", "--no-deps", *pure, "--dest", folder, f"{project}=={number}"])
        try:
            os.replace(f"{folder}/{name}", WHEELS / name)
        except FileNotFoundError:
            got = ", ".join(os.listdir(folder)) or "nothing"
            raise BuildError(
                f"the package index has {got} and not {name}", "correct the pin in pyproject.toml"
            ) from None


def pip() -> list[str]:
    """A pip that works: that of this Python, or that of an environment made for it."""
    if subprocess.run([sys.executable, "-m", "pip", "--version"], capture_output=True, check=False).returncode == 0:
        return [sys.executable, "-m", "pip"]
    return [environment("pip", this_python(), "", nothing, with_pip=True), "-m", "pip"]


def nothing(_python: str) -> None:
    """Fill an environment with nothing."""


def unpacked(data: bytes) -> Iterator[tuple[str, bytes]]:
    """The path and the bytes of every file in a wheel."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for entry in archive.infolist():
            if not entry.is_dir():
                yield entry.filename, archive.read(entry)


# --- Pythons and environments -------------------------------------------------------------------------------


class Python(NamedTuple):
    """A Python of this machine."""

    version: tuple[int, ...]
    path: str

    @property
    def name(self) -> str:
        """How people call it."""
        return ".".join(map(str, self.version))

    @property
    def series(self) -> str:
        """Its major and minor version."""
        return ".".join(map(str, self.version[:2]))


def ask(path: str) -> Python | str:
    """The Python behind `path`, or why it cannot be used."""
    code = "import sys, venv, zlib; print(sys.implementation.name, *sys.version_info[:3], sys.executable)"
    try:
        ran = subprocess.run([path, "-I", "-c", code], capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    answer = ran.stdout.strip().split(" ", 4)
    if ran.returncode or len(answer) != 5:
        lines = (ran.stderr.strip() or "no answer").splitlines()
        return lines[-1] if lines[0].startswith("Traceback") else lines[0]
    if answer[0] != "cpython":
        return f"is {answer[0]}"
    return Python(tuple(map(int, answer[1:4])), os.path.realpath(answer[4]))


def this_python() -> Python:
    """The Python that runs this."""
    python = ask(sys.executable)
    if isinstance(python, str):
        raise BuildError(f"{sys.executable} cannot make an environment: {python}", APT)
    return python


def places() -> Iterator[str]:
    """Where Pythons from 3.9 to 3.14 may be."""
    yield sys.executable
    yield "/usr/bin/python3"
    folders = os.environ.get("PATH", os.defpath).split(":")
    roots = {os.environ.get("PYENV_ROOT", ""), os.path.expanduser("~/.pyenv")}
    roots.update(folder[: -len("/shims")] for folder in folders if folder.endswith("/shims"))
    for minor in range(9, 15):
        yield from (f"{folder}/python3.{minor}" for folder in folders if folder)
        for root in sorted(roots - {""}):
            yield from map(str, sorted(Path(root).glob(f"versions/3.{minor}.*/bin/python3")))


def pythons() -> tuple[list[Python], list[str]]:
    """Every Python from 3.9 on, oldest first, and what looks like one and does not work, with the reason."""
    able, unable = set(), []
    for path in dict.fromkeys(places()):
        if os.access(path, os.X_OK):
            python = ask(path)
            if isinstance(python, str):
                unable.append(f"{path}: {python}")
            elif python.version >= (3, 9):
                able.add(python)
    return sorted(able), unable


def environment(
    name: str, python: Python, contents: object, fill: Callable[[str], None], *, with_pip: bool = False
) -> str:
    """The interpreter of an environment in dist/env; `fill` makes it anew if it does not hold `contents`."""
    # Two Pythons of one version keep out of each other's way.
    folder = DIST / "env" / f"{name}-{python.name}-{hashlib.sha256(python.path.encode()).hexdigest()[:6]}"
    inside, stamp = folder / "bin" / "python3", folder / "stamp.json"
    wanted = json.dumps([python.path, with_pip, contents])
    with locked():
        if inside.exists() and stamp.exists() and stamp.read_text("utf-8") == wanted:
            return str(inside)
        print(f"making {folder.relative_to(HERE)}", flush=True)
        shutil.rmtree(folder, ignore_errors=True)
        options = [] if with_pip else ["--without-pip"]
        ran = subprocess.run(
            [python.path, "-I", "-m", "venv", *options, str(folder)],
            capture_output=True,
            text=True,
            check=False,
        )
        if ran.returncode:
            raise BuildError(f"{python.path} cannot make an environment", APT)
        fill(str(inside))
        stamp.write_text(wanted, "utf-8")
    return str(inside)


@contextlib.contextmanager
def locked() -> Iterator[None]:
    """One build in this checkout at a time; whoever comes second waits."""
    DIST.mkdir(exist_ok=True)
    with open(DIST / ".lock", "w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def run(argv: Sequence[str], **variables: str) -> None:
    """Run a command quietly; if it fails, its last words are the error."""
    quiet = {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1"}
    ran = subprocess.run(
        argv,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        env=surroundings(**quiet, **variables),
    )
    if ran.returncode:
        words = [line for line in (ran.stderr + ran.stdout).splitlines() if line.strip()] or ["no output"]
        words = [line for line in words if line.startswith("ERROR")] or words
        raise BuildError(
            f"{' '.join(argv[1:4])} failed: {words[-1]}",
            "see that the package index can be reached, and try again",
        )


def surroundings(**variables: str) -> dict[str, str]:
    """The environment without what would change how a Python starts, and with `variables`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "SHIV_", "PYTEST_"))}
    return {**kept, **variables}


# --- what is in the archive ---------------------------------------------------------------------------------


def files() -> dict[str, bytes]:
    """Everything that is in phoenix.pyz but for its start: path and bytes, sorted."""
    found = {
        path: data for path, data in tree("phoenix") if not path.startswith(("phoenix/bootstrap/", "phoenix/entry/"))
    }
    found.update((path, data) for path, data in tree("managers") if path.endswith(".py"))
    for path in list(found):
        manager = re.fullmatch(r"managers/(\w+)_manager\.py", path)
        if manager:
            found[f"bin/{manager[1].replace('_', '-')}-manager"] = source("phoenix/entry/manager.py")
    found["libexec/rehearsal"] = source("phoenix/entry/rehearsal.py")
    found.update((f"starter/{path[len('etc/phoenix/') :]}", data) for path, data in tree("etc/phoenix"))
    found["LICENSE"] = source("LICENSE")
    for name, pinned in table("tool.phoenix.bundled").items():
        found.update((path, data) for path, data in unpacked(wheel(name, pinned)) if wanted_of_wheel(path))
    for path in found:
        if path.endswith(UNWANTED) or not path.isascii():
            raise BuildError(f"{path} must not be in phoenix.pyz", "remove it, or pin a wheel that does not have it")
    return dict(sorted(found.items()))


def laid_out(contents: dict[str, bytes]) -> dict[str, bytes]:
    """What phoenix.pyz unpacks to: a few files instead of hundreds, which each start would have to look at."""
    programs = {path: data for path, data in contents.items() if path.startswith(EXECUTABLES)}
    library = {path: data for path, data in contents.items() if path not in programs}
    library["groups"] = groups(library)
    return dict(sorted({**programs, LIBRARY: archived(dict(sorted(library.items())))}.items()))


def groups(library: dict[str, bytes]) -> bytes:
    """Which modules are compiled together, a module a line: when unpacking, or when one of the group is needed."""
    sources = {module_name(path): path for path in library if path.endswith(".py")}
    common = needed({name: (path.endswith("/__init__.py"), library[path]) for name, path in sources.items()})
    lines = []
    for name, path in sorted(sources.items()):
        rare = "rehearsal" if path.startswith("phoenix/rehearsal/") else "others"
        lines.append(f"{'common' if name in common else rare} {path}\n")
    return "".join(lines).encode()


def module_name(path: str) -> str:
    """The name that a source file is imported by."""
    return path[: -len(".py")].replace("/", ".").replace(".__init__", "")


def needed(sources: dict[str, tuple[bool, bytes]]) -> set[str]:
    """The modules that every run needs: those that it begins with, and what they import at once, and so on."""
    missing = [name for name in BEGIN if name not in sources]
    if missing:
        raise BuildError(f"there is no {missing[0]}, which every run begins with", "correct BEGIN in build.py")
    todo = [*BEGIN, *(name for name in sources if name.startswith("managers."))]
    found: set[str] = set()
    while todo:
        name = todo.pop()
        while name and name not in sources:  # of `phoenix.cli.note` the part that is a module
            name = name.rpartition(".")[0]
        if name and name not in found:
            package, data = sources[name]
            around = name.rpartition(".")[0]
            found.add(name)
            todo += [around, *imported(ast.parse(data), name if package else around)]
    return found


def imported(tree: ast.AST, package: str) -> Iterator[str]:
    """What a module of `package` imports when it is imported itself, as far as it may be a module."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) + 1 - node.level] if node.level else []
            yield from (".".join([*above, node.module or "", alias.name]).replace("..", ".") for alias in node.names)
        elif not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and not is_for_types(node):
            yield from imported(node, package)


def is_for_types(node: ast.AST) -> bool:
    """Whether it is what only a type checker reads."""
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def tree(folder: str) -> Iterator[tuple[str, bytes]]:
    """The files of a source folder but for what editors, caches and version control leave there."""
    for place, folders, names in os.walk(HERE / folder):
        folders[:] = [name for name in folders if name != "__pycache__" and not name.startswith(".")]
        for name in names:
            if not name.startswith((".", "#")) and not name.endswith(("~", ".pyc", ".bak", ".orig", ".rej", ".tmp")):
                path = os.path.relpath(os.path.join(place, name), HERE)
                yield path, source(path)


def source(path: str) -> bytes:
    """A file of the checkout."""
    try:
        return (HERE / path).read_bytes()
    except OSError as error:
        raise BuildError(f"cannot read {path}: {error.strerror}", f"git status; git checkout -- {path}") from None


def wanted_of_wheel(path: str) -> bool:
    """Of what a wheel says about itself, only its metadata and its licence are kept."""
    top, _, rest = path.partition("/")
    return not top.endswith((".dist-info", ".data")) or rest == "METADATA" or "LICEN" in rest.upper()


def mode_of(path: str) -> int:
    """The permissions that a file is unpacked with."""
    return 0o755 if path.startswith(EXECUTABLES) else 0o644


def guard() -> dict[str, bytes]:
    """What runs from the archive itself: its __main__ and what that needs to unpack the rest."""
    return {name: source(path) for name, path in AT_THE_ROOT.items()}


def manifest(contents: dict[str, bytes], guarding: dict[str, bytes]) -> bytes:
    """The build's identity and, a file a line, what the unpacked tree must be."""
    lines = "".join(
        f"{hashlib.sha256(data).hexdigest()} {mode_of(path):04o} {len(data)} {path}\n"
        for path, data in contents.items()
    )
    identity = hashlib.sha256(lines.encode() + b"".join(guarding.values())).hexdigest()[:16]
    return f"phoenix-build 1 {version()}-{identity}\n{lines}".encode()


def write_tree(contents: dict[str, bytes], folder: Path) -> None:
    """Write the unpacked tree, with its permissions, whatever the umask."""
    for path, data in contents.items():
        target = folder / path
        for parent in reversed([*target.relative_to(folder).parents]):
            (folder / parent).mkdir(exist_ok=True)
            (folder / parent).chmod(0o755)
        target.write_bytes(data)
        target.chmod(mode_of(path))


# --- the archive --------------------------------------------------------------------------------------------


def with_shiv(contents: dict[str, bytes]) -> dict[str, bytes]:
    """What shiv assembles from the tree, by name in its archive."""
    pins = table("tool.phoenix.builder")
    wheels = [wheel(name, pinned) for name, pinned in pins.items()]

    def fill(python: str) -> None:
        packages = next(Path(python).parents[1].glob("lib/python3.*/site-packages"))
        for data in wheels:
            for path, content in unpacked(data):
                (packages / path).parent.mkdir(parents=True, exist_ok=True)
                (packages / path).write_bytes(content)

    python = environment("shiv", this_python(), pins, fill)
    with tempfile.TemporaryDirectory() as folder:
        stage, target = Path(folder, "stage"), Path(folder, "shiv.pyz")
        write_tree(contents, stage)
        options = ["--site-packages", str(stage), "--reproducible", "--uncompressed", "--python", SHEBANG]
        entry = ["--entry-point", "phoenix.dispatch.main:main", "--output-file", str(target)]
        run([python, "-I", "-W", "ignore", "-m", "shiv", *options, *entry], SOURCE_DATE_EPOCH=str(EPOCH))
        with zipfile.ZipFile(target) as archive:
            return {entry.filename: archive.read(entry) for entry in archive.infolist()}


def archive_entries(contents: dict[str, bytes]) -> dict[str, bytes]:
    """What is in phoenix.pyz: what shiv assembled, our guard in the place of its bootstrap, the manifest."""
    entries = {name: data for name, data in with_shiv(contents).items() if not name.startswith("_bootstrap/")}
    packed = {name: data for name, data in entries.items() if name.startswith("site-packages/")}
    if packed != {f"site-packages/{path}": data for path, data in contents.items()}:
        raise BuildError(
            "shiv did not pack what it was given",
            "see that the wheels pinned in pyproject.toml are shiv 1.0.8's",
        )
    entries = {name: data for name, data in entries.items() if name not in packed}
    unpacked_to, guarding = laid_out(contents), guard()
    entries.update({**unpacked_to, **guarding, "manifest": manifest(unpacked_to, guarding)})
    return dict(sorted(entries.items()))


def archived(entries: dict[str, bytes], start: bytes = b"") -> bytes:
    """The bytes of an archive after those of `start`: nothing in them tells who built it, when or where."""
    buffer = io.BytesIO()
    buffer.write(start)
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in entries.items():
            entry = zipfile.ZipInfo(name, DATE)
            entry.create_system = 3
            entry.external_attr = (0o100000 | mode_of(name)) << 16
            archive.writestr(entry, data)
    return buffer.getvalue()


def write_beside(path: Path, data: bytes, mode: int) -> None:
    """Replace a file by one that is whole from the first moment."""
    beside = path.with_name(path.name + ".new")
    beside.write_bytes(data)
    beside.chmod(mode)
    beside.replace(path)


def built_manifest() -> bytes:
    """The manifest of dist/phoenix.pyz as it is; empty if there is none."""
    try:
        with zipfile.ZipFile(PRODUCT) as archive:
            return archive.read("manifest")
    except (OSError, KeyError, zipfile.BadZipFile):
        return b""


# --- the words of the command line --------------------------------------------------------------------------


def build() -> Path:
    """Make dist/phoenix.pyz and dist/SHA256SUMS."""
    entries = archive_entries(files())
    data = archived(entries, f"#!{SHEBANG}\n".encode())
    digest = hashlib.sha256(data).hexdigest()
    with locked():
        write_beside(PRODUCT, data, 0o755)
        write_beside(DIST / "SHA256SUMS", f"{digest}  {PRODUCT.name}\n".encode(), 0o644)
    identity = entries["manifest"].split(b"\n", 1)[0].decode().split(" ")[2]
    print(f"dist/phoenix.pyz  {identity}  {len(data)} bytes  sha256 {digest}", flush=True)
    return PRODUCT


def up_to_date() -> Path:
    """dist/phoenix.pyz, built if it is not what the sources make."""
    return PRODUCT if built_manifest() == manifest(laid_out(files()), guard()) else build()


def stage(folder: Path) -> None:
    """Write what phoenix.pyz unpacks to."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BuildError(f"{folder} is not an empty folder", "name one that does not exist", 2)
    folder.mkdir(parents=True, exist_ok=True)
    write_tree(laid_out(files()), folder)


def demo() -> None:
    """Build, and show a container made on a rehearsal node: what was run, what came of it, and that it lasts."""
    build()
    folder = DIST / "demo"
    shutil.rmtree(folder, ignore_errors=True)
    node = folder / "node"
    show("node", "new", str(node))
    for words in (["init"], ["plan", "9001"], ["create", "9001"]):
        show(f"--root={node}", *words)
    log = next((node / "var/log/phoenix").glob("*-lxc-9001.log"))
    print("\nThe dispatcher ran this child:\n  " + log.read_text().split("run by ", 1)[1].split("\n", 1)[0])
    calls = tool_calls(node)
    print("\nThe child ran these tools:", *("  " + call for call in calls), sep="\n")
    conf = node / "etc/pve/lxc/9001.conf"
    text = conf.read_text()
    print("\n/etc/pve/lxc/9001.conf of the node is now:\n" + textwrap.indent(text, "  "), end="")
    show(f"--root={node}", "create", "9001")
    if tool_calls(node) != calls or conf.read_text() != text:
        raise BuildError("the second create changed something", f"look at {node}")
    print("The second create ran no tool and changed nothing.")
    print(f"\nThe node stays in {node}: try phoenix.pyz --root={node} status, restart 9001, delete 9001")


def show(*words: str) -> None:
    """Run the product as a user would, with its output shown."""
    print("\n$ phoenix.pyz " + " ".join(words), flush=True)
    if subprocess.run([sys.executable, "-IS", str(PRODUCT), *words], stderr=subprocess.STDOUT, check=False).returncode:
        raise BuildError(f"phoenix.pyz {' '.join(words)} failed", "its message is above")


def tool_calls(node: Path) -> list[str]:
    """The calls of Proxmox VE's tools that a rehearsal node has seen."""
    lines = (node / "var/log/rehearsal-calls.jsonl").read_text().splitlines()
    return [shlex.join([Path(argv[0]).name, *argv[1:]]) for argv in (json.loads(line)["argv"] for line in lines)]


# --- reproduce ----------------------------------------------------------------------------------------------


class Surroundings(NamedTuple):
    """In what a build is repeated."""

    umask: int
    zone: str
    locale: str
    folder: str
    network: bool


ROUNDS = (
    Surroundings(0o022, "UTC", "C.UTF-8", "checkout", network=True),
    Surroundings(0o077, "Asia/Tokyo", "C", "with a blank", network=False),
)


def reproduce() -> None:
    """Build with every Python there is in different surroundings, and compare."""
    for part in ("tool.phoenix.bundled", "tool.phoenix.builder"):
        for name, pinned in table(part).items():
            wheel(name, pinned)
    able, unable = pythons()
    cut = cut_off()
    digests = []
    with tempfile.TemporaryDirectory() as folder:
        snapshot = Path(folder, "snapshot")
        copy_checkout(snapshot)
        for around in ROUNDS:
            for python in able:
                digests.append(build_elsewhere(snapshot, python, around, [] if around.network else cut))
                network = "network" if around.network or not cut else "no network"
                print(f"{digests[-1]}  {python.name}  {around.umask:03o}  {around.zone}  {network}", flush=True)
    for reason in unable:
        print(f"cannot build: {reason}")
    print(f"{len(digests)} builds, {len(able)} Pythons, {len(set(digests))} sha256, {len(unable)} cannot build")
    if len(set(digests)) != 1:
        raise BuildError("the builds differ", "unpack two of them and compare: diff -r")


def cut_off() -> list[str]:
    """What runs a command without network, if this user may do that here."""
    unshare = ["unshare", "--net"]
    with contextlib.suppress(OSError):
        if subprocess.run([*unshare, "true"], capture_output=True, check=False).returncode == 0:
            return unshare
    return []


def build_elsewhere(snapshot: Path, python: Python, around: Surroundings, prefix: Sequence[str] = ()) -> str:
    """The SHA-256 of what a copy of the checkout builds."""
    copy = snapshot.with_name(python.name) / around.folder
    shutil.copytree(snapshot, copy)
    ran = subprocess.run(
        [*prefix, python.path, "build.py"],
        cwd=copy,
        env=surroundings(HOME=str(copy), TZ=around.zone, LC_ALL=around.locale),
        umask=around.umask,
        capture_output=True,
        text=True,
        check=False,
    )
    if ran.returncode:
        words = (ran.stderr or ran.stdout).strip()
        raise BuildError(f"{python.path} cannot build: {words}", f"{python.path} build.py")
    digest = hashlib.sha256((copy / "dist/phoenix.pyz").read_bytes()).hexdigest()
    shutil.rmtree(copy.parent)
    return digest


def copy_checkout(target: Path) -> None:
    """Copy this checkout, with its pinned wheels, to where it can be built on its own."""
    ignored = shutil.ignore_patterns(".git", "dist", "tests", "__pycache__", ".*_cache")
    shutil.copytree(HERE, target, ignore=ignored)
    (target / "dist/wheels").mkdir(parents=True)
    for path in WHEELS.glob("*.whl"):
        shutil.copy(path, target / "dist/wheels")


# --- test ---------------------------------------------------------------------------------------------------


class Ran(NamedTuple):
    """A part of the tests that ran: how pytest closed it, and how many tests were skipped for which reason."""

    title: str
    status: int
    closing: str
    skipped: dict[str, int]


def test(words: list[str]) -> None:
    """Run the tests, each part with its Pythons, and sum up."""
    slow = "--slow" in words
    arguments = [word for word in words if word != "--slow"]
    up_to_date()
    found, missing = tested_pythons()
    default = found[-1]
    marks = ["-m", "not whole" if slow else "not slow and not whole"]
    if arguments:
        ran = [run_part(default, default, [*marks, *arguments])]
    else:
        # A file's tests stay together: what a module prepares, it prepares once. Those with few tests are not left
        # for the end, where the longest of them would run alone.
        shared = [*marks, f"--numprocesses={workers(slow)}", "--dist=loadfile", "--no-loadscope-reorder"]
        ran = [run_part(python, default, [*shared, *part]) for python, part in parts(found, default)]
    sys.exit(summary(ran, missing))


def workers(slow: bool) -> int:
    """How many tests run at once: they wait for others a third of the time, but what is slow keeps a processor busy."""
    processors = len(os.sched_getaffinity(0))
    return min(8, processors if slow else max(processors, processors * 3 // 2))


def tested_pythons() -> tuple[list[Python], list[str]]:
    """The newest of each Python that Phoenix is tested with, or this one; and those that are not here."""
    able, _ = pythons()
    found = {python.series: python for python in able if python.series in TESTED}
    missing = [f"Python {series}: not on this machine" for series in TESTED if series not in found]
    return sorted(found.values()) or [this_python()], missing


def parts(found: list[Python], default: Python) -> Iterator[tuple[Python, list[str]]]:
    """The folders of tests that have any, and the Python to run them with."""
    folders = sorted({path.relative_to(HERE).parts[1] for path in HERE.glob("tests/*/**/test_*.py")})
    each = [f"tests/{name}" for name in folders if name in ON_EACH_PYTHON]
    once = [f"tests/{name}" for name in folders if name not in ON_EACH_PYTHON]
    for python in found:
        yield python, each
    if once:
        yield default, once


def tests_environment(python: Python, *, linters: bool) -> str:
    """An environment with what the tests need; the packages are kept in dist/wheels/tests."""
    pins = table("tool.phoenix.tests")
    wanted = pins["requirements"] + (pins["linters"] if linters else [])
    bundled = table("tool.phoenix.bundled")
    for name, pinned in bundled.items():
        wheel(name, pinned)

    def fill(inside: str) -> None:
        install(inside, WHEELS / "tests", wanted, [str(WHEELS / name) for name in bundled])

    return environment("tests", python, [wanted, bundled], fill, with_pip=True)


def install(inside: str, kept: Path, wanted: Sequence[str], wheels: Sequence[str] = ()) -> None:
    """Install pinned packages, which are downloaded once and kept, and wheels into an environment."""
    offline = [inside, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--find-links", str(kept)]
    try:
        run([*offline, *wanted])
    except BuildError:
        run([inside, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(kept), *wanted])
        run([*offline, *wanted])
    if wheels:
        run([*offline, *wheels])
    run([inside, "-m", "pip", "check"])


def run_part(python: Python, default: Python, arguments: list[str]) -> Ran:
    """Run pytest and pass on what it says, as it says it."""
    inside = tests_environment(python, linters=python == default)
    paths = [word for word in arguments if word.startswith("tests/")]
    title = f"Python {python.name}: {' '.join(paths or arguments)}"
    print(f"\n--- {title}", flush=True)
    colour = ["--color=yes"] if sys.stdout.isatty() else []
    argv = [inside, "-B", "-m", "pytest", *colour, *arguments]
    lines: list[str] = []
    stopped: list[int] = []  # by a Ctrl-C, which pytest gets as well: it ends and sums up
    asked = signal.signal(signal.SIGINT, lambda number, _: stopped.append(number))
    with subprocess.Popen(
        argv,
        cwd=HERE,
        env=surroundings(PHOENIX_LINTERS_IN=default.name),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as pytest:
        assert pytest.stdout
        for line in pytest.stdout:
            print(line, end="", flush=True)
            lines.append(re.sub(r"\x1b\[[0-9;]*m", "", line.rstrip()))
    signal.signal(signal.SIGINT, asked)
    if stopped:
        raise KeyboardInterrupt
    skipped: dict[str, int] = {}
    for line in lines:
        found = re.fullmatch(r"SKIPPED \[(\d+)\] \S+ (.*)", line)
        if found:
            skipped[found[2]] = skipped.get(found[2], 0) + int(found[1])
    return Ran(title, pytest.returncode, (lines or ["no output"])[-1].strip("= "), skipped)


def summary(ran: list[Ran], missing: list[str]) -> int:
    """Say at the end what ran and what did not; the exit status."""
    print("\n--- summary")
    for part in ran:
        print(f"{part.title}: {part.closing}")
    for line in missing:
        print(line)
    for reason in dict.fromkeys(reason for part in ran for reason in part.skipped):
        print(f"{sum(part.skipped.get(reason, 0) for part in ran)} skipped: {reason}")
    failed = sum(part.status != 0 for part in ran)
    print(f"{failed} of {len(ran)} parts failed" if failed else "all passed", flush=True)
    return 1 if failed else 0


# --- main ---------------------------------------------------------------------------------------------------


def usage(message: str) -> NoReturn:
    """End because of a wrong command line."""
    raise BuildError(message, "python3 build.py --help", 2)


def obey(words: list[str]) -> None:
    """Do what the command line says."""
    word, rest = (words[0], words[1:]) if words else ("", [])
    plain = {"": build, "demo": demo, "reproduce": reproduce}
    if word in ("-h", "--help", "help"):
        print(__doc__.strip())
    elif word in plain:
        if rest:
            usage(f"{word} takes no arguments: {' '.join(rest)}")
        plain[word]()
    elif word == "test":
        test(rest)
    elif word == "stage":
        if len(rest) != 1 or rest[0].startswith("-"):
            usage("stage takes one folder")
        stage(Path(rest[0]))
    else:
        usage(f"unknown word: {word}")


def main() -> int:
    """Run; every failure is one line and the next step."""
    try:
        if sys.version_info < (3, 9):  # noqa: UP036 (here an older one is told so)
            raise BuildError("Python 3.9 or newer is needed", "start it with a newer one: python3.11 build.py")
        obey(sys.argv[1:])
    except BuildError as stop:
        print(f"error: {stop}\nnext:  {stop.hint}", file=sys.stderr)
        return stop.code
    except OSError as error:
        print(f"error: {error}\nnext:  see that there is space and that {DIST} can be written", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Kernels on disk: never the code of an older helper, and no trace of them where nothing can be written."""

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dastm.contract import compiled as module
from dastm.contract.compiled import KERNELS, PACKAGES, cache_folder, compiled, kernels_digest
from tests.killing import exit_status, fork, hamper, say_into

pytestmark = pytest.mark.slow

OUTER = """
from dastm.contract.compiled import compiled
from pipeline.kernels.helper import add

@compiled()
def outer(x):
    return add(x)
"""
ASK = "from pipeline.kernels.outer import outer; print(outer(40))"
FULL_DISK = 100
"""Bytes that a file may have there."""


def small_tree(folder):
    """A kernel in one file that calls a helper in another, beside the module under test."""
    for name in ("dastm/contract/compiled.py", "dastm/__init__.py"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(PACKAGES / name, folder / name)
    kernels = folder / "pipeline" / "kernels"
    kernels.mkdir(parents=True)
    for package in (kernels.parent, kernels):
        (package / "__init__.py").touch()
    (kernels / "outer.py").write_text(OUTER)
    write_helper(folder, 1)
    return folder


def write_helper(tree, number):
    text = f"from dastm.contract.compiled import compiled\n\n@compiled()\ndef add(x):\n    return x + {number}\n"
    (tree / "pipeline" / "kernels" / "helper.py").write_text(text)


def block_packages(tree):
    """A package folder that nothing can be written into, for the superuser neither."""
    for package in ("dastm", "pipeline", "pipeline/kernels"):
        (tree / package / "__pycache__").touch()


def ask(tree, limit=0, **environment):
    """What the kernel says in a process forked off one that has imported numba, which takes a second and more."""
    where, said = tree.parent / "cwd", tree.parent / "said"
    where.mkdir(exist_ok=True)
    process = fork(_ask, tree, where, said, limit, environment)
    assert exit_status(process, "outer") == 0, said.read_text()
    assert list(where.iterdir()) == []
    return int(said.read_text())


def _ask(tree, where, said, limit, environment):
    """In the new process, which forgets what it knows of our packages."""
    say_into([said] * 2, os.O_TRUNC | os.O_APPEND)
    for name in [name for name in sys.modules if name.partition(".")[0] in ("dastm", "pipeline")]:
        del sys.modules[name]
    sys.path.insert(0, str(tree))
    sys.dont_write_bytecode = True  # on a full disk Python would leave half of it
    os.chdir(where)
    os.environ.update(environment)
    module._SETTINGS.CACHE_DIR = environment.get("NUMBA_CACHE_DIR", "")
    hamper(limit=limit)
    exec(ASK, {})
    sys.stdout.flush()


def ask_new_process(tree, **environment):
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("NUMBA_", "XDG_"))}
    where = tree.parent / "cwd"
    where.mkdir(exist_ok=True)
    done = subprocess.run(
        [sys.executable, "-c", ASK],
        cwd=where,
        env={
            **kept,
            "PYTHONPATH": str(tree),
            "PYTHONSAFEPATH": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert list(where.iterdir()) == []  # such as a folder that is called ~
    return int(done.stdout)


def kept_in(folder):
    return sorted({path.parts[len(folder.parts)] for path in folder.rglob("*.nbc")})


def test_a_kernel_computes_what_its_helper_says_now(tmp_path):
    tree, kept = small_tree(tmp_path / "tree"), tmp_path / "kept"
    assert ask(tree, NUMBA_CACHE_DIR=str(kept)) == 41
    first = kept_in(kept)
    write_helper(tree, 2)
    assert ask(tree, NUMBA_CACHE_DIR=str(kept)) == 42
    assert len(kept_in(kept)) == 2
    write_helper(tree, 1)
    assert ask(tree, NUMBA_CACHE_DIR=str(kept)) == 41
    assert len(first) == 1
    shutil.copytree(tree, tmp_path / "copy")
    shutil.rmtree(tree)
    assert ask(tmp_path / "copy", NUMBA_CACHE_DIR=str(kept)) == 41
    assert len(list(kept.rglob("*.nbc"))) == 4  # of two functions each; a copy of the code finds them, too
    assert len(kept_in(kept)) == 2  # the first one was found again


def test_a_kernel_that_finds_no_room_on_the_disk_is_used_all_the_same(tmp_path):
    tree = small_tree(tmp_path / "tree")
    assert ask(tree, FULL_DISK) == 41
    assert not [path for path in tree.rglob("*") if path.suffix == ".nbc" or ".tmp." in path.name]
    assert ask(tree) == 41
    assert list(tree.rglob("*.nbc"))


def test_without_a_home_kernels_are_kept_in_a_temporary_folder_of_ones_own(tmp_path):
    tree, temporary = small_tree(tmp_path / "tree"), tmp_path / "temporary"
    block_packages(tree)
    temporary.mkdir()
    assert ask_new_process(tree, HOME="/dev/null", NUMBA_CACHE_DIR="/dev/null/kept", TMPDIR=str(temporary)) == 41
    own = temporary / f"dastm-{os.getuid()}"
    assert list(temporary.iterdir()) == [own]
    assert own.stat().st_mode & 0o777 == 0o700
    assert len(kept_in(own)) == 1


@pytest.fixture
def fresh(tmp_path, monkeypatch):
    """The module as a process finds it that has no place to write into but what a test gives it."""
    (tmp_path / "dastm").mkdir()
    (tmp_path / "dastm" / "__pycache__").touch()
    monkeypatch.setattr(module, "PACKAGES", tmp_path)
    monkeypatch.setattr(module, "cache_folder", cache_folder.__wrapped__)
    monkeypatch.setattr(module._SETTINGS, "CACHE_DIR", "")
    monkeypatch.setattr(module._SETTINGS, "DISABLE_JIT", 0)
    monkeypatch.setattr(module.tempfile, "gettempdir", lambda: "/dev/null/none")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")  # to be ignored, says the XDG specification
    return tmp_path


def test_kernels_are_kept_beside_the_code_else_in_the_users_cache(fresh, monkeypatch):
    name = f"dastm-kernels-{kernels_digest()}"
    monkeypatch.setenv("XDG_CACHE_HOME", str(fresh / "cache"))
    assert module.cache_folder() == fresh / "cache" / "dastm" / name
    (fresh / "dastm" / "__pycache__").unlink()
    assert module.cache_folder() == fresh / "dastm" / "__pycache__" / name


def test_where_nothing_can_be_written_kernels_are_compiled_all_the_same(fresh):
    before = sorted(fresh.rglob("*"))
    assert module.cache_folder() is None
    kernel = compiled()(lambda x: x + 1)
    assert kernel(1) == 2
    assert kernel.py_func(1) == 2
    assert sorted(fresh.rglob("*")) == before


def test_a_user_without_a_home_gets_no_folder_that_is_called_by_a_tilde(fresh, monkeypatch):
    def no_home(path):
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(module.Path, "expanduser", no_home)
    assert module.cache_folder() is None


@pytest.mark.parametrize("trick", ["link", "open to all", "file"])
def test_kernels_that_another_user_may_have_left_in_the_temporary_folder_are_not_used(fresh, monkeypatch, trick):
    monkeypatch.setattr(module.tempfile, "gettempdir", lambda: str(fresh))
    own = fresh / f"dastm-{os.getuid()}"
    if trick == "link":
        (fresh / "theirs").mkdir()
        own.symlink_to(fresh / "theirs")
    elif trick == "file":
        own.touch()
    else:
        own.mkdir()
        own.chmod(0o777)
    assert module.cache_folder() is None
    assert not list(fresh.glob("*/dastm-kernels-*"))


def test_the_folder_is_inside_the_users_and_numbas_own_setting_stays(fresh, monkeypatch):
    kept = fresh / "kept"
    monkeypatch.setattr(module._SETTINGS, "CACHE_DIR", str(kept))
    assert compiled()(small_kernel)(1) == 2
    assert str(kept) == module._SETTINGS.CACHE_DIR
    assert [path.name for path in kept.iterdir()] == [f"dastm-kernels-{kernels_digest()}"]


def small_kernel(x):
    return x + 1


def test_without_the_compiler_a_function_stays_as_it_is_and_no_folder_is_made(fresh, monkeypatch):
    monkeypatch.setattr(module._SETTINGS, "DISABLE_JIT", 1)
    monkeypatch.setattr(module._SETTINGS, "CACHE_DIR", str(fresh / "kept"))
    assert compiled(parallel=True)(small_kernel) is small_kernel
    assert not (fresh / "kept").exists()


def imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


COMPILERS = {"numba.njit", "numba.jit", "numba.vectorize", "numba.guvectorize"}
NO_CODE = ("Layout", "Tracks", "TrackMeasures", "torch_threads")
"""What files with kernels import for the functions around them."""


@pytest.mark.unmeasured  # it reads the code and runs none of it
def test_every_file_whose_code_is_in_a_kernel_is_in_the_digest():
    covered = {path for pattern in KERNELS for path in PACKAGES.glob(pattern)}
    for path in [*(PACKAGES / "dastm").rglob("*.py"), *(PACKAGES / "pipeline").rglob("*.py")]:
        names = set(imports(path))
        assert path == PACKAGES / "dastm" / "compiled.py" or not names & COMPILERS, path
        if names & {"dastm.contract.compiled.compiled", "pipeline.kernels.blocks.kernel"}:
            assert path in covered, path
            ours = {name for name in names if name.startswith(("dastm.", "pipeline."))}
            others = {name for name in ours if not name.startswith(("dastm.contract.compiled.", "pipeline.kernels."))}
            assert {name.rpartition(".")[2] for name in others} <= {*NO_CODE}, path


def test_the_digest_follows_every_byte_and_every_name(fresh):
    kernels = fresh / "pipeline" / "kernels"
    kernels.mkdir(parents=True)
    digests = [kernels_digest()]
    for name, text in (("a.py", "x"), ("a.py", "y"), ("b.py", ""), ("none.txt", "x")):
        Path(kernels / name).write_text(text)
        digests.append(kernels_digest())
    assert len(set(digests)) == 4
    assert digests[-1] == digests[-2]

"""What is run on the project, and how; ``nox -l`` is the table of contents."""

from __future__ import annotations

import os
import shutil
import subprocess

from pathlib import Path

import nox

from packaging.requirements import Requirement


nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.download_python = "never"
nox.options.error_on_missing_interpreters = False
nox.options.sessions = [
    "lint",
    "typing",
    "docs",
    "tests",
    "minimums",
    "package",
    "skipped",
]

PYPROJECT = nox.project.load_toml("pyproject.toml")
PYTHONS = nox.project.python_versions(PYPROJECT)

# What the tests read, and no source code of ours.
TESTS = ["pyproject.toml", "README.md", "docs", "tests"]

# What shows that a wheel is complete; `tests` has run the rest.
USED = ["tests/test_docs.py", "tests/test_public_face.py", "tests/e2e/test_moto.py"]

# What the session `docs` tests, once: the pages, their code, and how their figures are
# measured. It doesn't depend on the interpreter.
PAGES = [
    *sorted(str(path) for path in Path("tests").glob("test_docs*.py")),
    "tests/test_benchmarks.py",
    "tests/test_troubleshooting.py",
]
NO_PAGES = [f"--ignore={path}" for path in PAGES]

# A process that has no tests left takes some of another's, next to each other: tests of
# a file share what they set up.
PARALLEL = ["-n", "auto", "--dist", "worksteal"]

# Those of `stsession.aio` that need no data libraries.
AIOBOTOCORE = ["tests/aio/test_aiobotocore.py", "tests/aio/test_trio.py"]

# What the session of the same name runs, and `tests` doesn't.
OWN_TESTS = ["-o", "norecursedirs=.*"]

# nox looks for interpreters on the PATH; pyenv hides all but the chosen ones.
PYENV = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv", "versions")
os.environ["PATH"] = os.pathsep.join(
    [os.environ.get("PATH", os.defpath), *map(str, sorted(PYENV.glob("3.*/bin")))]
)


def group(name: str) -> tuple[str, ...]:
    """Return the requirements of the dependency group *name*."""
    return nox.project.dependency_groups(PYPROJECT, name)


def oldest(requirement: str) -> str:
    """Pin *requirement* to the oldest version that it allows."""
    parsed = Requirement(requirement)
    (version,) = (s.version for s in parsed.specifier if s.operator == ">=")
    return f"{parsed.name}=={version}"


def is_there(python: str) -> bool:
    """Return whether an interpreter of that version is found, and works."""
    name = f"python{python}.exe" if os.name == "nt" else f"python{python}"
    paths = (Path(folder, name) for folder in os.environ["PATH"].split(os.pathsep))
    return any(
        subprocess.run([path, "-c", ""], capture_output=True, check=False).returncode
        == 0
        for path in paths
        if path.is_file()
    )


def run_pages(session: nox.Session, name: str, *pages: str) -> None:
    """
    Run the code of pages of the documentation that need the libraries of a session.

    Does nothing if there are arguments: they choose among the session's own tests.
    """
    if not session.posargs:
        chosen = " or ".join(f"{page}.md" for page in pages)
        environment = {"NOX_SESSION": name}
        session.run("pytest", "tests/test_docs.py", "-k", chosen, env=environment)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, format, and that imports point down only."""
    session.install(*group("lint"))
    session.run("ruff", "check")
    session.run("ruff", "format", "--check", "--diff")
    session.run("lint-imports", env={"PYTHONPATH": "src"})


@nox.session
def typing(session: nox.Session) -> None:
    """Check our types, and what two type checkers make of them for our users."""
    session.install(".", *group("typing"))
    session.run("mypy")
    session.run("mypy", "tests/typing/api.py")
    session.run("pyright", "tests/typing/api.py")
    session.run("pyright", "--verifytypes", "stsession", "--ignoreexternal")


@nox.session
def docs(session: nox.Session) -> None:
    """
    Build the documentation, run every block of code in it, and compare it with ours.
    """
    libraries = (*group("docs"), *group("bench"))
    session.install(".", *libraries, *group("tests"), *group("sdk"))
    build = session.create_tmp()
    for builder in ("html", "doctest"):
        session.run(
            *("sphinx-build", "-n", "-W", "--keep-going", "-q"),
            *("-b", builder, "-d", f"{build}/doctrees"),
            *("docs", f"docs/_build/{builder}"),
        )
    # Without the variable, pages whose libraries aren't installed would be skipped.
    environment = {"NOX_SESSION": "docs"}
    session.run("pytest", *PARALLEL, *PAGES, *session.posargs, env=environment)


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Run the tests, except those that the session `docs` runs."""
    session.install(".", *group("tests"), *group("sdk"))
    session.run("pytest", *PARALLEL, *(session.posargs or NO_PAGES))


@nox.session
def coverage(session: nox.Session) -> None:
    """Run the tests once more, and report which branches they leave out."""
    # aiobotocore pins a version of botocore, which may not be the newest one.
    session.install(".", *group("tests"), *group("sdk"), *group("aiobotocore"))
    run = ("coverage", "run", "-m", "pytest", *PARALLEL)
    session.run("coverage", "erase")
    session.run(*run, *session.posargs)
    session.run(*run, *OWN_TESTS, *AIOBOTOCORE)
    session.run("coverage", "combine", "-q")
    session.run("coverage", "report")


@nox.session(python=PYTHONS[0])
def minimums(session: nox.Session) -> None:
    """Run the tests with the oldest dependencies that we promise."""
    oldest_promised = map(oldest, PYPROJECT["project"]["dependencies"])
    session.install(".", *oldest_promised, *group("tests"))
    session.run("pytest", *PARALLEL, *(session.posargs or NO_PAGES))


@nox.session
def drift(session: nox.Session) -> None:
    """Compare our tables with the newest botocore, and run the tests with it."""
    session.install(".", *group("tests"))
    session.run("pytest", *OWN_TESTS, "tests/drift")
    session.run("pytest", *PARALLEL, *session.posargs)


@nox.session
def cluster(session: nox.Session) -> None:
    """Use sessions and fleets on Dask, Ray, Spark, loky and MPI, with two processes."""
    session.install(".", *group("tests"), *group("cluster"))
    session.run("pytest", "tests/cluster", *session.posargs)
    if shutil.which("java") or "JAVA_HOME" in os.environ:
        run_pages(session, "cluster", "clusters")
    else:
        session.warn("Spark needs Java, which isn't installed; its page wasn't run.")


@nox.session
@nox.parametrize("aiobotocore", ["newest", "oldest"])
def aio(session: nox.Session, aiobotocore: str) -> None:
    """Let async libraries work across several session durations."""
    # aiobotocore pins a version of botocore.
    if aiobotocore == "newest":
        session.install(".[aio]", *group("tests"), *group("aio"))
    else:
        # aioboto3 pins an old version of aiobotocore.
        extra = PYPROJECT["project"]["optional-dependencies"]["aio"]
        session.install(".", *map(oldest, extra), *group("tests"), "aioboto3>=15.5")
    session.run("pytest", *OWN_TESTS, "tests/aio", *session.posargs)
    if aiobotocore == "newest":
        run_pages(session, "aio", "async", "data-tools")


@nox.session
def libraries(session: nox.Session) -> None:
    """Let libraries that make their own sessions use ours, and renew credentials."""
    session.install(".[aio]", *group("tests"), *group("libraries"))
    session.run("pytest", *OWN_TESTS, "tests/libraries", *session.posargs)
    run_pages(session, "libraries", "libraries")


@nox.session
def tools(session: nox.Session) -> None:
    """
    Let other SDKs and data libraries work across several session durations.

    Also measure the start of a credential process, on this machine alone.
    """
    session.install(".[cli]", *group("tests"), *group("sdk"), *group("tools"))
    # The AWS CLI pins a version of botocore.
    own = Path(session.create_tmp(), "awscli").absolute()
    session.run("python", "-m", "venv", "--clear", str(own))
    scripts = own / ("Scripts" if os.name == "nt" else "bin")
    pip = (str(scripts / "python"), "-m", "pip", "install", "-q", "awscli")
    session.run(*pip, external=True)
    environment = {"TOOLS_AWS_CLI": str(scripts / "aws")}
    if shutil.which("npm"):
        sdk = Path(session.create_tmp(), "javascript").absolute()
        install = ("npm", "install", "--silent", "--prefix", str(sdk))
        session.run(*install, "@aws-sdk/client-s3", external=True)
        environment["TOOLS_NODE_MODULES"] = str(sdk / "node_modules")
    tests = (*OWN_TESTS, "tests/tools")
    session.run("pytest", *tests, *session.posargs, env=environment)


@nox.session
def bench(session: nox.Session) -> None:
    """Compare with other libraries, on this machine alone; takes minutes."""
    session.install(".", *group("bench"))
    session.run("python", "-m", "tests.benchmarks", *session.posargs)


@nox.session
def package(session: nox.Session) -> None:
    """Build the sdist and from it the wheel; use the wheel where no source is."""
    session.install("build", "twine")
    here = Path(session.create_tmp()).absolute()
    for left_over in here.iterdir():
        shutil.rmtree(left_over)
    dist, away = here / "dist", here / "away"
    session.run("python", "-m", "build", "--outdir", str(dist))
    files = sorted(str(path) for path in dist.iterdir())
    session.run("twine", "check", "--strict", *files)

    (wheel,) = dist.glob("*.whl")
    python = str(away / "venv" / "bin" / "python")
    session.run("python", "-m", "venv", str(away / "venv"))
    session.run(python, "-m", "pip", "install", "-q", str(wheel), external=True)
    session.chdir(away)
    session.run(
        *(python, "-I", "-c", "from stsession import *; import stsession.testing"),
        external=True,
    )
    for name in TESTS:
        origin = Path(session.invoked_from) / name
        copy = shutil.copytree if origin.is_dir() else shutil.copy
        copy(origin, away / name)
    needed = (*group("tests"), *group("sdk"))
    session.run(python, "-m", "pip", "install", "-q", *needed, external=True)
    used = session.posargs or USED
    session.run(*(python, "-m", "pytest", *PARALLEL, *used), external=True)


@nox.session(python=False)
def skipped(session: nox.Session) -> None:
    """Report which interpreters weren't found, and which sessions were skipped."""
    needed = [(f"tests-{python}", python) for python in PYTHONS]
    needed.append(("minimums", PYTHONS[0]))
    missing = {name: python for name, python in needed if not is_there(python)}
    if missing:
        session.warn(
            f"No interpreter for Python {', '.join(dict.fromkeys(missing.values()))}: "
            f"skipped {', '.join(missing)}."
        )
    else:
        session.log(f"There is an interpreter for each of {', '.join(PYTHONS)}.")

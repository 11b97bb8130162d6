#!/bin/sh
# Makes .venv with the versions of requirements.lock and this project, editable. Speaks on stderr only, since some
# targets print JSON on stdout; the installer's own words go to build/setup.log.
set -eu
cd "$(dirname "$0")/.."

fail() {
    echo "$1" >&2
    exit 1
}

command -v git >/dev/null 2>&1 || fail "Missing: git."
mkdir -p build

# An environment whose Python was upgraded or removed under it is made anew.
if ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
    python=${PYTHON:-$(sh tools/find-python.sh)} || exit 1
    echo "Making .venv with $("$python" -V) ..." >&2
    "$python" -m venv --clear .venv >build/setup.log 2>&1 || fail "Could not make .venv: see build/setup.log."
fi

echo "Installing the locked versions into .venv ..." >&2
# PIP_REQUIRE_VIRTUALENV and hashes: only what the lock names, only into .venv.
pip=".venv/bin/python -m pip --disable-pip-version-check --no-input --quiet"
{
    $pip install --require-hashes --requirement requirements.lock &&
        $pip install --no-deps --no-build-isolation --editable .
} >>build/setup.log 2>&1 || {
    tail -n 5 build/setup.log >&2
    fail "Could not install: see build/setup.log."
}
touch .venv/.installed

#!/bin/sh
# Renews requirements.lock: one file for Linux and macOS and for every supported Python, with a hash for each archive.
# uv resolves for all of them at once; it is needed here only, so it gets an environment of its own.
set -eu
cd "$(dirname "$0")/.."
"${PYTHON:-$(sh tools/find-python.sh)}" -m venv build/lock
build/lock/bin/python -m pip install --quiet --disable-pip-version-check uv
build/lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --upgrade \
    --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" \
    --group dev --output-file requirements.lock pyproject.toml

#!/bin/sh
# Prints the newest Python from 3.14 down to 3.11 that can make an environment, or says in one line what is missing.
# A name on PATH proves nothing: a version manager's shim exists for versions it will not run, Debian splits off venv,
# and a self-built Python may lack SSL or SQLite. So each candidate is tried, in every folder of PATH.
set -u

usable() {
    "$1" -c '
import sys, ensurepip, sqlite3, ssl, venv
sys.exit(not ((3, 11) <= sys.version_info[:2] <= (3, 14)))' >/dev/null 2>&1
}

old_ifs=$IFS
IFS=:
for name in python3.14 python3.13 python3.12 python3.11 python3; do
    for folder in $PATH; do
        candidate=${folder:-.}/$name
        if [ -x "$candidate" ] && usable "$candidate"; then
            echo "$candidate"
            exit 0
        fi
    done
done
IFS=$old_ifs

echo "Missing: Python 3.11 to 3.14 with its venv module (Debian: apt install python3-venv; macOS: brew install python)." >&2
exit 1

#!/bin/sh
# Writes requirements.lock: the exact versions that pyproject.toml resolves to today.
# torch is taken by its exact version first, so that a CPU wheel that pip can find is used; the
# lock names its public version only.
set -eu
python=${1:-python3}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$python" -m venv "$folder/env"
pip="$folder/env/bin/python -m pip --disable-pip-version-check"
$pip install --quiet torch==2.13.0
$pip install --quiet '.[dev]'
{
    echo "# Exact versions; written by 'make lock' from pyproject.toml."
    $pip freeze --exclude quorum-desk | sed 's/^torch==\([0-9.]*\)+.*/torch==\1/'
} > requirements.lock

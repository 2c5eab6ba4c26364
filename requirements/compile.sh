#!/bin/sh
# Rewrites the hash-locked requirements from pyproject.toml. Needs uv (any recent version) on the PATH.
# The result names no package index, so any mirror that serves the same files will do.
set -eu
cd "$(dirname "$0")/.."
lock() {
    output="requirements/$1.txt"; shift
    uv pip compile pyproject.toml "$@" --universal --python-version 3.11 --generate-hashes \
        --no-annotate --no-header --quiet --output-file "$output"
}
for name in pip ministack moto-oldest; do
    uv pip compile "requirements/$name.in" --universal --python-version 3.11 --generate-hashes \
        --no-annotate --no-header --quiet --output-file "requirements/$name.txt"
done
lock emulate --extra emulator --extra deploy --extra templates --group build
lock runtime --constraint requirements/emulate.txt
uv pip compile --group docs --universal --python-version 3.11 --generate-hashes \
    --no-annotate --no-header --quiet --output-file requirements/docs.txt
lock dev --extra deploy --extra pytest --extra templates --group dev --constraint requirements/emulate.txt

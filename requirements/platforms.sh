#!/bin/sh
# Looks whether every dependency has a wheel for every platform and Python that streamer is for: docs/install.md has what
# came of it. Needs uv on the PATH. Only awslambdaric may be built: on macOS it has no compiled part.
set -eu
cd "$(dirname "$0")/.."
for platform in x86_64-unknown-linux-gnu aarch64-unknown-linux-gnu x86_64-apple-darwin aarch64-apple-darwin; do
    for python in 3.11 3.12 3.13 3.14; do
        uv pip compile pyproject.toml --extra emulator --extra deploy --extra pytest --extra templates --quiet \
            --python-platform "$platform" --python-version "$python" --only-binary :all: --no-binary awslambdaric \
            --no-annotate --no-header >/dev/null
        echo "$platform, Python $python: nothing to compile"
    done
done

#!/usr/bin/env bash
# Make this machine ready to be a node: run by `ray up` on the head and on every worker.
# Changes nothing where nothing has changed, so `ray up` may run it again at any time.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

# The exact versions of the lock, as on the machine that the code comes from.
make .venv/.ready

# Whoever holds the token may run anything on the cluster.
[ ! -f ~/.ray/auth_token ] || chmod 600 ~/.ray/auth_token

# `ray start`, `ray submit` and `ray exec` run in login shells; actors inherit from `ray start`.
marker='# Quorum: node of a Ray cluster'
grep -qF "$marker" ~/.bashrc 2>/dev/null || cat >>~/.bashrc <<END
$marker
export PATH="$PWD/.venv/bin:\$PATH"
export PYTHONPATH="$PWD"
export RAY_AUTH_MODE=token RAY_USAGE_STATS_ENABLED=0
END
grep -qs bashrc ~/.bash_profile ~/.profile || echo '. ~/.bashrc' >>~/.profile

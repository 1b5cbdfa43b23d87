"""A stand-in for gem5 that fails in ways a real one cannot be made to on demand."""

from __future__ import annotations

import json
from pathlib import Path

DESCRIPTION = {"gem5_version": "24.0.0.1", "missing": []}

_SCRIPT = """#!/bin/sh
for argument in "$@"; do
  case "$argument" in
    --outdir=*) out="${{argument#--outdir=}}" ;;
    --describe) cat <<'EOF'
{description}
EOF
      exit {describe_code} ;;
  esac
done
{body}
"""


def fake_gem5(
    path: Path, body: str, *, description: object = DESCRIPTION, describe_code: int = 0
) -> Path:
    """A shell script at ``path`` that describes itself, and runs ``body`` for a simulation.

    ``body`` sees gem5's output folder as ``$out``.
    """
    text = description if isinstance(description, str) else json.dumps(description)
    path.write_text(
        _SCRIPT.format(description=text, describe_code=describe_code, body=body), encoding="utf-8"
    )
    path.chmod(0o755)
    return path

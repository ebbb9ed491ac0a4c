"""The kinds there are, and the command that writes their CRDs: python -m setpoint.api.kinds DIR."""

import sys
from pathlib import Path

import yaml

from setpoint.api.cachetuning import CacheTuning
from setpoint.api.crd import KindModel, manifest
from setpoint.api.dbtuning import DBTuning
from setpoint.api.scalingpolicy import ScalingPolicy

KINDS: tuple[KindModel, ...] = (ScalingPolicy, DBTuning, CacheTuning)

_HEADER = "# Generated from operator/setpoint/api by `make generate`. Do not edit.\n"


def crd_files() -> dict[str, str]:
    """File name → YAML of every CRD."""
    return {
        f"{kind.names.plural}.yaml": _HEADER
        + yaml.safe_dump(manifest(kind), sort_keys=False, width=100, allow_unicode=True)
        for kind in KINDS
    }


def main() -> None:
    """Write the CRDs into the directory that the first argument names."""
    directory = Path(sys.argv[1])
    for name, text in crd_files().items():
        (directory / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()

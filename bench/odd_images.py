"""Files that decoders trip on, each read or refused: how many of which, the longest time and the most memory.

The folder is data's ``odd_images`` unless another one is given; each file in a process of its own."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

from report import report

CHILD = """
import json, resource, sys, time
from pathlib import Path
from explorer.digits import decode, read, several, survey
from explorer.errors import PictureError

data = Path(sys.argv[1]).read_bytes()
before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
try:
    sheet = survey(decode(data, sys.argv[1]))
    digits = len(sheet.boxes) if several(sheet) else len(read(data, sys.argv[1]))
    refusal = None
except PictureError as error:
    digits, refusal = 0, str(error)
seconds = time.perf_counter() - began
kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
print(json.dumps({"digits": digits, "refusal": refusal, "seconds": seconds, "megabytes": kilobytes / 1024}))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", default=Path(os.environ.get("KERNELSCOPE_DATA", ".")) / "odd_images")
    parser.add_argument("--quick", action="store_true", help="every fourth file")
    options = parser.parse_args()
    folder = Path(options.folder)
    if not folder.is_dir():
        print(f"nothing is measured: there is no folder {folder}", file=sys.stderr)
        return
    files = sorted(file for file in folder.iterdir() if file.suffix != ".csv")[:: 4 if options.quick else 1]
    results = []
    for file in files:
        command = [sys.executable, "-c", CHILD, str(file)]
        child = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[1])
        if child.returncode:
            print(json.dumps({"file": file.name, "crashed": child.stderr[-500:]}), flush=True)
            continue
        results.append(json.loads(child.stdout))
    refused = sum(result["refusal"] is not None for result in results)
    report("odd files read or refused by a sentence", [len(results)], "files", of=len(files), refused=refused)
    report("odd files, the longest", [max(result["seconds"] for result in results)], "s")
    report("odd files, the most memory", [max(result["megabytes"] for result in results)], "MB")


if __name__ == "__main__":
    main()

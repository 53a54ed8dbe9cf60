"""The import of torchvision beside any torch, each case in a fresh process: operators are defined once and for all."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).parent.parent

STUBS = """
import sys
import torch
from pathlib import Path

def defined():
    return any(name.startswith("torchvision::") for name in torch._C._dispatch_get_all_op_names())

def attempt(source):
    package = Path(sys.argv[1]) / "torchvision"
    package.mkdir(exist_ok=True)
    (package / "__init__.py").write_text(source)
    for name in ("torchvision", "explorer._torchvision"):
        sys.modules.pop(name, None)
    import explorer._torchvision as shim
    return shim.torchvision

sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])
"""


def run(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", "-c", code, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


def test_data_sets_and_transforms_work_with_the_installed_torch() -> None:
    code = """
from explorer._torchvision import torchvision
import torch
from torchvision.transforms import v2
from torchvision.utils import make_grid
turned = v2.functional.affine(torch.ones(1, 8, 8), angle=90.0, translate=[0, 0], scale=1.0, shear=[0.0, 0.0])
print(torchvision.datasets.MNIST.__name__, tuple(turned.shape), tuple(make_grid(torch.ones(4, 1, 8, 8)).shape))
"""
    result = run(code)
    assert result.returncode == 0, result.stderr
    assert result.stdout.split(maxsplit=1)[0] == "MNIST"


def test_operators_are_defined_only_where_they_are_missing(tmp_path: Path) -> None:
    code = (
        STUBS
        + """
assert attempt("state = 'matching'").state == "matching"
assert not defined()

try:
    attempt("raise RuntimeError('another fault')")
except RuntimeError as error:
    assert str(error) == "another fault"
else:
    raise SystemExit("the fault was swallowed")
assert not defined()

# What torchvision does with operators whose library did not load.
describe = "import torch\\ntorch.library.register_fake('torchvision::%s')(lambda *_: None)\\n"
assert attempt(describe % "nms" + describe % "qnms" + "state = 'mended'").state == "mended"
assert defined()
"""
    )
    result = run(code, str(tmp_path))
    assert result.returncode == 0, result.stderr


def test_the_fault_is_still_worded_as_the_import_expects() -> None:
    with pytest.raises(RuntimeError, match="operator kernelscope_test::nms does not exist"):
        torch.library.register_fake("kernelscope_test::nms")(lambda *_: None)

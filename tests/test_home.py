from pathlib import Path

import platformdirs
import pytest

from explorer.home import data_dirs, home


def test_home_is_the_chosen_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KERNELSCOPE_HOME", str(tmp_path / "mine"))
    assert home() == tmp_path / "mine"
    assert not home().exists()


@pytest.mark.parametrize("value", [None, ""])
def test_home_is_else_the_users_data_folder(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    monkeypatch.delenv("KERNELSCOPE_HOME", raising=False)
    if value is not None:
        monkeypatch.setenv("KERNELSCOPE_HOME", value)
    assert home() == Path(platformdirs.user_data_dir("kernelscope", appauthor=False))


def test_a_relative_home_and_a_tilde_become_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KERNELSCOPE_HOME", "here")
    assert home() == tmp_path / "here"
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("KERNELSCOPE_HOME", "~/there")
    assert home() == tmp_path / "there"


def test_data_is_looked_for_in_the_chosen_folder_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KERNELSCOPE_HOME", str(tmp_path))
    monkeypatch.delenv("KERNELSCOPE_DATA", raising=False)
    assert data_dirs() == [tmp_path / "data"]
    monkeypatch.setenv("KERNELSCOPE_DATA", str(tmp_path / "lab"))
    assert data_dirs() == [tmp_path / "lab", tmp_path / "data"]

from pathlib import Path

import pytest

from playground.errors import SettingsError
from playground.settings import Settings, home_folder


def test_defaults_serve_this_machine_only() -> None:
    settings = Settings.from_environment({})
    assert (settings.host, settings.port, settings.model) == ("127.0.0.1", 7860, "pocket-bert")
    assert settings.home.name == "prompt-playground"


def test_the_environment_of_a_hosted_space_is_honoured(tmp_path: Path) -> None:
    settings = Settings.from_environment(
        {
            "GRADIO_SERVER_NAME": "0.0.0.0",
            "GRADIO_SERVER_PORT": "7861",
            "PLAYGROUND_HOME": str(tmp_path),
            "PLAYGROUND_MODEL": "some/model",
        }
    )
    assert settings == Settings("0.0.0.0", 7861, tmp_path, "some/model")


def test_flags_come_before_the_environment(tmp_path: Path) -> None:
    environment = {"GRADIO_SERVER_PORT": "7861", "GRADIO_SERVER_NAME": "0.0.0.0"}
    settings = Settings.from_command_line(
        ["--port", "9000", "--home", str(tmp_path / "new")], environment
    )
    assert settings == Settings("0.0.0.0", 9000, tmp_path / "new", "pocket-bert")


@pytest.mark.parametrize("port", ["http", "-1", "65536", "7860.0", "７８６０", "9" * 5000])
def test_what_is_not_a_port_is_said(port: str) -> None:
    with pytest.raises(SettingsError, match="is not a port") as caught:
        Settings.from_environment({"GRADIO_SERVER_PORT": port})
    assert caught.value.field == "GRADIO_SERVER_PORT"
    with pytest.raises(SettingsError, match="--port"):
        Settings.from_command_line([f"--port={port}"], {})


def test_a_home_inside_a_file_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match="not a folder") as caught:
        home_folder({"PLAYGROUND_HOME": str(tmp_path / "file" / "home")})
    assert caught.value.details["file"] == str(tmp_path / "file")


def test_a_home_may_be_given_from_the_users_folder() -> None:
    assert home_folder({"PLAYGROUND_HOME": "~/prompts"}) == Path.home() / "prompts"


def test_who_trains_is_told_by_flags_and_environment() -> None:
    settings = Settings.from_command_line(
        ["--executor", "ray", "--ray-address", "10.0.0.1:6379", "--ray-gpus", "0.5"],
        {"PLAYGROUND_RAY_CPUS": "4", "PLAYGROUND_RUNS_AT_ONCE": "8", "PLAYGROUND_RAY_GPUS": "1"},
    )
    assert (settings.executor, settings.ray_address) == ("ray", "10.0.0.1:6379")
    assert (settings.ray_cpus, settings.ray_gpus, settings.runs_at_once) == (4, 0.5, 8)


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("PLAYGROUND_EXECUTOR", "slurm", "settings.executor"),
        ("PLAYGROUND_RUNS_AT_ONCE", "0", "settings.number"),
        ("PLAYGROUND_RUNS_AT_ONCE", "2.5", "settings.number"),
        ("PLAYGROUND_RAY_CPUS", "0", "settings.number"),
        ("PLAYGROUND_RAY_CPUS", "many", "settings.number"),
        ("PLAYGROUND_RAY_GPUS", "-1", "settings.number"),
        ("PLAYGROUND_RAY_GPUS", "nan", "settings.number"),
    ],
)
def test_what_cannot_train_is_said(field: str, value: str, code: str) -> None:
    with pytest.raises(SettingsError, match=value) as caught:
        Settings.from_environment({field: value})
    assert (caught.value.field, caught.value.code) == (field, code)


def test_unknown_flags_end_the_program(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        Settings.from_command_line(["--prot", "1"], {})
    assert "--prot" in capsys.readouterr().err

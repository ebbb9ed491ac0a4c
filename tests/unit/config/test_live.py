"""The configuration in force while its file changes."""

from pathlib import Path

from prometheus_client import REGISTRY

from setpoint.main import LiveConfig


def is_good() -> float | None:
    return REGISTRY.get_sample_value("setpoint_config_last_reload_successful")


def test_a_wrong_file_leaves_the_former_one_in_force_and_is_told(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("aws: {region: eu-central-1}\n")
    live = LiveConfig(path)
    assert is_good() == 1

    path.write_text("aws: {regoin: eu-west-1}\n")
    assert live.refresh() is False
    assert live.current.aws.region == "eu-central-1"
    assert is_good() == 0
    assert live.refresh() is False
    assert is_good() == 0, "it is wrong until it is corrected"

    path.write_text("aws: {region: eu-west-1}\n")
    assert live.refresh() is True
    assert live.current.aws.region == "eu-west-1"
    assert is_good() == 1

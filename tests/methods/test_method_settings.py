"""Settings: what is taken, and how a mistake is named by its field."""

import pytest

from playground.errors import SettingsError
from playground.methods import method, methods
from playground.methods.settings import PTuningSettings


def error_of(**settings) -> SettingsError:
    with pytest.raises(SettingsError) as caught:
        PTuningSettings.checked(settings)
    return caught.value


def test_methods_are_listed_with_a_line_each():
    listed = methods()
    assert "p-tuning" in listed
    for name, found in listed.items():
        assert found.name == name
        assert found.description
        assert "\n" not in found.description
        assert method(name) is found


def test_every_setting_has_a_default_and_a_line_of_help():
    for found in methods().values():
        found.settings.checked({})
        for name, field in found.settings.model_fields.items():
            assert field.description, name
            assert field.description.endswith("."), name


def test_p_tunings_own_defaults():
    settings = PTuningSettings.checked({})
    assert (settings.encoder, settings.tune_model, settings.seed) == ("lstm", False, 13)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("steps", 0),
        ("steps", "many"),
        ("steps", 1.5),
        ("steps", None),
        ("learning_rate", 0),
        ("learning_rate", -1e-3),
        ("learning_rate", float("nan")),
        ("learning_rate", float("inf")),
        ("batch_size", 0),
        ("batch_size", 10**9),
        ("seed", -1),
        ("seed", 2**31),
        ("warmup", 1),
        ("soft_tokens", 0),
        ("soft_tokens", 129),
        ("encoder", "gru"),
        ("tune_model", "perhaps"),
        ("model_learning_rate", 2),
    ],
)
def test_a_value_that_cannot_be_is_named_by_its_field(field, value):
    error = error_of(**{field: value})
    assert error.code == "settings.invalid"
    assert error.field == field
    assert field in str(error)
    assert repr(value) in str(error)


def test_an_unknown_setting_is_named_with_those_that_there_are():
    error = error_of(learning_rte=1e-3)
    assert error.code == "settings.unknown"
    assert error.field == "learning_rte"
    assert "learning_rate" in str(error)


def test_numbers_may_come_as_text():
    settings = PTuningSettings.checked({"steps": "20", "learning_rate": "1e-2"})
    assert (settings.steps, settings.learning_rate) == (20, 0.01)


def test_settings_cannot_be_changed_afterwards():
    with pytest.raises(ValueError, match="frozen"):
        PTuningSettings.checked({}).steps = 3


def test_an_unknown_method():
    with pytest.raises(SettingsError) as caught:
        method("q-tuning")
    assert caught.value.field == "method"
    assert caught.value.code == "settings.no_such_method"
    assert "p-tuning" in str(caught.value)

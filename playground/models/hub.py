"""The Hugging Face Hub: what of it is here already, and whether it can be reached at all.

Asked before transformers is, which tries again for half a minute when there is no network.
"""

from huggingface_hub import HfApi, try_to_load_from_cache
from huggingface_hub.errors import HFValidationError

from playground.errors import ModelError
from playground.models.built_in import built_in_models

REACH_SECONDS = 5.0


def is_cached(name: str) -> bool:
    """Whether the model was fetched before, at least in part."""
    try:
        return isinstance(try_to_load_from_cache(name, "config.json"), str)
    except HFValidationError:
        return False


def check_reachable(name: str) -> None:
    """Raises ModelError, within seconds, where the hub or the model cannot be reached."""
    try:
        HfApi().model_info(name, timeout=REACH_SECONDS)
    except Exception as error:  # of whichever HTTP client the hub's library is built on
        raise ModelError(
            f"“{name}” is not one of the built-in models ({', '.join(built_in_models())}) nor a "
            "folder here, and it could not be fetched from the Hugging Face Hub. Check the name "
            "and the connection; a model that was fetched once works offline.",
            code="model.not_found",
            model=name,
            built_in=", ".join(built_in_models()),
        ) from error

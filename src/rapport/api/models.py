"""Models: each training with its card, or why it declined."""

from __future__ import annotations

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath

from rapport.workflows.accuracy import Accuracy, newest_accuracy
from rapport.workflows.company import Company
from rapport.workflows.models import ModelVersion, find_version, model_versions

_READ = {"permission": "dashboard.read"}


@get("/api/v1/models", sync_to_thread=True, opt=_READ, tags=["models"])
def list_models(company: NamedDependency[Company]) -> tuple[ModelVersion, ...]:
    """Trainings of the value model, newest first."""
    return model_versions(company)


@get("/api/v1/models/accuracy", sync_to_thread=True, opt=_READ, tags=["models"])
def read_accuracy(company: NamedDependency[Company]) -> Accuracy | None:
    """How well the scores on show did on time they had not seen; null where nothing is trained."""
    return newest_accuracy(company)


@get("/api/v1/models/{version_id:int}", sync_to_thread=True, opt=_READ, tags=["models"])
def read_model(company: NamedDependency[Company], version_id: FromPath[int]) -> ModelVersion:
    """One training with its card."""
    return find_version(company, version_id)


routes = (list_models, read_accuracy, read_model)

"""What tests of programs need."""

import pytest

from tasks import CannotGrade
from tasks.python import judge
from tasks.sandbox import Judge


@pytest.fixture(scope="session")
def sandbox() -> Judge:
    """The judge of this process; skipped where no program can be run as it has to be, with the reason."""
    try:
        judge().require()
    except CannotGrade as error:
        pytest.skip(str(error))
    return judge()

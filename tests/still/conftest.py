from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from talkingface.data.sample import enlarged_portrait
from talkingface.still.animate import locate_face


@pytest.fixture(scope="session")
def portrait() -> NDArray[np.uint8]:
    return enlarged_portrait()


@pytest.fixture(scope="session")
def portrait_landmarks(portrait: NDArray[np.uint8]) -> NDArray[np.float64]:
    return locate_face(portrait)

from __future__ import annotations

import pytest

from talkingface.errors import OptionError
from talkingface.models.wav2lip.pads import Pads, parse_pads


@pytest.mark.parametrize("text", ["1 20 -3 4", "1,20,-3,4", " 1, 20 -3,4 "])
def test_pads_are_read_as_the_released_program_writes_them(text: str) -> None:
    assert parse_pads(text) == Pads(top=1, bottom=20, left=-3, right=4)
    assert str(parse_pads(text)) == "1 20 -3 4"


@pytest.mark.parametrize("text", ["", "1 2 3", "1 2 3 4 5", "0 10 0 x", "0 1.5 0 0"])
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(OptionError, match="top bottom left right"):
        parse_pads(text)

import numpy as np
import pytest

from talkingface.faces import identity
from talkingface.training import appearance
from talkingface.training.appearance import linkage, same_people, squared_distances


def test_people_are_told_apart_at_the_same_distance_everywhere() -> None:
    assert appearance.SAME_PERSON == identity.SAME_PERSON


def groups_by_search(vectors: np.ndarray, threshold: float) -> list[set[int]]:
    """Average linkage, merge by merge, worked out anew each time."""
    far = np.sqrt(squared_distances(vectors)).astype(np.float64)
    groups = [{row} for row in range(len(vectors))]
    while len(groups) > 1:
        best = min(
            (far[np.ix_(sorted(a), sorted(b))].mean(), i, j)
            for i, a in enumerate(groups)
            for j, b in enumerate(groups[:i])
        )
        if best[0] > threshold:
            break
        groups[best[2]] |= groups.pop(best[1])
    return groups


@pytest.mark.parametrize("threshold", [0.2, 0.6, 1.2])
def test_chains_give_the_groups_that_searching_gives(threshold: float) -> None:
    rng = np.random.default_rng(3)
    vectors = np.concatenate([rng.normal(size=(12, 4)) * 0.15 + rng.normal(size=4) * 0.5 for _ in range(4)])
    numbers = same_people(vectors, threshold)
    found = {frozenset(np.flatnonzero(numbers == number).tolist()) for number in set(numbers.tolist())}
    assert found == {frozenset(group) for group in groups_by_search(vectors, threshold)}
    assert len(linkage(vectors)) == len(vectors) - 1


def test_equal_rows_and_single_rows() -> None:
    assert list(same_people(np.zeros((5, 3)))) == [0] * 5
    assert list(same_people(np.zeros((1, 3)))) == [0]
    assert list(same_people(np.array([[0.0], [2.0], [0.1]]))) == [0, 1, 0]


def test_one_chain_of_alike_faces_is_not_one_person() -> None:
    chain = np.arange(10)[:, None] * 0.3  # each is near its neighbour, the ends are far apart
    assert len(set(same_people(chain).tolist())) > 1

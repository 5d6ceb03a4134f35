import numpy as np
import pytest

from rapport.unify.matching.distinct import distinct, numbered

VALUES = {
    "none": np.empty(0, dtype=np.int64),
    "one": np.array([7], dtype=np.int32),
    "negative and repeated": np.array([3, -1, 3, 3, -1, 0]),
    "unsigned": np.array([2**64 - 1, 0, 2**63, 2**64 - 1], dtype=np.uint64),
    "many": np.random.default_rng(1).integers(0, 500, 2_000),
}


@pytest.mark.parametrize("values", VALUES.values(), ids=VALUES.keys())
def test_distinct_values_are_those_that_numpy_finds(values):
    found, places = numbered(values)
    expected, expected_places = np.unique(values, return_inverse=True)
    assert distinct(values).tolist() == found.tolist() == expected.tolist()
    assert found.dtype == values.dtype
    assert places.tolist() == expected_places.tolist()

import numpy as np

from relight.evaluate.scores import query_notes


def test_queries_are_counted_and_those_left_out_are_named() -> None:
    target = np.array([[1, 0], [0, 0], [2, 1], [1, 2], [1, 2]])
    assert query_notes("test", target) == [
        "Queries of the test part: 3; left out of the scores: 1 with one candidate, 1 whose relevances are all equal.",
        "The test part measures 1 queries: its scores are rough.",
    ]


def test_of_many_whole_queries_there_is_their_number_alone() -> None:
    target = np.column_stack([np.tile([0, 1], 60), np.repeat(np.arange(60), 2)])
    assert query_notes("test", target) == ["Queries of the test part: 60."]

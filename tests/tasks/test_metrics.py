"""The figures against numbers worked out by hand, and intervals against a plain bootstrap."""

import time

import numpy as np
import pytest

from playground.tasks.metrics import (
    accuracy,
    bootstrap_intervals,
    calibration_error,
    confusion_matrix,
    macro_f1,
    measure,
)

TRUTH = np.array([0, 0, 0, 0, 1, 1, 1, 2, 2, 2])
PREDICTED = np.array([0, 0, 0, 1, 1, 1, 2, 2, 0, 1])
CONFUSION = np.array([[3, 1, 0], [0, 2, 1], [1, 1, 1]])


def f1_by_definition(truth: np.ndarray, predicted: np.ndarray) -> float:
    found = []
    for label in set(truth) | set(predicted):
        right = np.sum((truth == label) & (predicted == label))
        precision = right / max(1, np.sum(predicted == label))
        recall = right / max(1, np.sum(truth == label))
        found.append(2 * precision * recall / (precision + recall) if right else 0)
    return float(np.mean(found))


def test_the_confusion_matrix_is_true_by_predicted():
    assert (confusion_matrix(TRUTH, PREDICTED, 3) == CONFUSION).all()
    assert confusion_matrix(TRUTH[:4], PREDICTED[:4], 4).shape == (4, 4)


def test_accuracy_and_macro_f1_by_hand():
    assert accuracy(CONFUSION) == 0.6
    # of label 0: precision 3/4, recall 3/4; of 1: 2/4, 2/3; of 2: 1/2, 1/3
    assert macro_f1(CONFUSION) == pytest.approx((3 / 4 + 4 / 7 + 2 / 5) / 3)


def test_a_label_that_does_not_occur_does_not_count():
    assert macro_f1(np.array([[2, 0, 0], [1, 1, 0], [0, 0, 0]])) == pytest.approx(
        (4 / 5 + 2 / 3) / 2
    )
    # predicted but never true: it occurs, with an F1 of 0
    assert macro_f1(np.array([[2, 1], [0, 0]])) == pytest.approx((4 / 5) / 2)


def test_many_matrices_at_once():
    both = np.stack([CONFUSION, CONFUSION.T * 7])
    assert accuracy(both) == pytest.approx([0.6, 0.6])
    assert macro_f1(both) == pytest.approx([float(macro_f1(CONFUSION))] * 2)


def test_the_calibration_error_by_hand():
    # bins (0.6, 0.7]: two rows, one right; (0.8, 0.9]: one, right; (0.9, 1.0]: one, wrong
    first = np.array([0.7, 0.62, 0.9, 1.0])
    probabilities = np.stack([first, 1 - first], 1)
    error = calibration_error(probabilities, np.array([0, 1, 0, 1]))
    assert error == pytest.approx((abs(1 - 1.32) + abs(1 - 0.9) + abs(0 - 1.0)) / 4)


def test_an_upper_edge_belongs_to_its_bin():
    first = np.array([0.75, 0.8])
    error = calibration_error(np.stack([first, 1 - first], 1), np.array([0, 1]), bins=5)
    # both in (0.6, 0.8], where the errors of one make up for the other's
    assert error == pytest.approx(abs(1 - 1.55) / 2)


def test_who_is_sure_and_right_is_calibrated():
    assert calibration_error(np.eye(3), np.arange(3)) == 0


def test_intervals_are_those_of_a_plain_bootstrap():
    generator = np.random.default_rng(5)
    truth = generator.integers(0, 3, 150)
    predicted = np.where(generator.random(150) < 0.7, truth, generator.integers(0, 3, 150))
    drawn = generator.integers(0, 150, (4000, 150))
    plain = {
        "accuracy": [np.mean(truth[rows] == predicted[rows]) for rows in drawn],
        "macro_f1": [f1_by_definition(truth[rows], predicted[rows]) for rows in drawn],
    }
    found = bootstrap_intervals(confusion_matrix(truth, predicted, 3), resamples=4000)
    for name, values in plain.items():
        assert found[name] == pytest.approx(np.percentile(values, [2.5, 97.5]), abs=0.01)


def test_the_seed_settles_the_intervals():
    assert bootstrap_intervals(CONFUSION) == bootstrap_intervals(CONFUSION)
    assert bootstrap_intervals(CONFUSION, seed=1) != bootstrap_intervals(CONFUSION, seed=2)
    wide, narrow = (bootstrap_intervals(CONFUSION, confidence=c) for c in (0.95, 0.5))
    assert wide["macro_f1"][0] < narrow["macro_f1"][0] < narrow["macro_f1"][1]


def test_measure_tells_all_of_it():
    scores = np.log(np.eye(3)[PREDICTED] * 0.7 + 0.1) - 3  # a constant does not count
    found = measure(scores.astype(np.float32), TRUTH)
    assert found["confusion"] == CONFUSION.tolist()
    assert found["accuracy"] == 0.6
    assert found["macro_f1"] == pytest.approx(f1_by_definition(TRUTH, PREDICTED))
    assert found["calibration_error"] == pytest.approx(0.2)
    between = bootstrap_intervals(CONFUSION)
    assert (found["accuracy_low"], found["accuracy_high"]) == between["accuracy"]
    assert (found["f1_low"], found["f1_high"]) == between["macro_f1"]
    without = measure(scores, TRUTH, intervals=False)
    assert without["accuracy_low"] is without["f1_high"] is None
    assert without["confusion"] == found["confusion"]


def test_a_single_row_and_a_perfect_one():
    found = measure(np.log(np.array([[0.9, 0.1]])), np.array([0]))
    assert (found["accuracy"], found["accuracy_low"], found["accuracy_high"]) == (1, 1, 1)
    assert found["macro_f1"] == 1


def test_a_hundred_thousand_rows_are_measured_in_no_time():
    generator = np.random.default_rng(0)
    scores = generator.normal(size=(100_000, 4)).astype(np.float32)
    began = time.process_time()
    measure(scores, generator.integers(0, 4, 100_000))
    assert time.process_time() - began < 0.5

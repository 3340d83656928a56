"""How good predictions are: accuracy, macro F1 and calibration error, with their uncertainty.

All that needs no more than counts is computed from a confusion matrix (..., labels, labels), true
label by predicted label. So an interval over 100,000 rows costs no more than one over 100.
"""

from typing import Any

import numpy as np

BINS = 10
RESAMPLES = 1000
CONFIDENCE = 0.95


def confusion_matrix(truth: np.ndarray, predicted: np.ndarray, labels: int) -> np.ndarray:
    """Counts by true and by predicted label: (labels, labels). Both name labels by their place."""
    cells = np.bincount(truth * labels + predicted, minlength=labels * labels)
    return np.asarray(cells.reshape(labels, labels))


def accuracy(confusion: np.ndarray) -> np.ndarray:
    """The share of the rows on the diagonal: (...)."""
    return np.asarray(np.trace(confusion, axis1=-2, axis2=-1) / confusion.sum((-2, -1)))


def macro_f1(confusion: np.ndarray) -> np.ndarray:
    """The mean of the labels' F1: (...). A label that is neither true nor predicted has none."""
    right = np.diagonal(confusion, axis1=-2, axis2=-1)  # (..., labels)
    return _macro_f1(right, confusion.sum(-1) + confusion.sum(-2))


def calibration_error(probabilities: np.ndarray, truth: np.ndarray, bins: int = BINS) -> float:
    """How far confidence and accuracy lie apart, on average over the rows.

    The expected calibration error of Guo et al. 2017, "On Calibration of Modern Neural Networks"
    (https://arxiv.org/abs/1706.04599), section 2: ``probabilities`` (rows, labels) are sorted into
    ``bins`` of equal width by that of the predicted label, an upper edge belonging to its bin.
    """
    confidence = probabilities.max(1)
    right = probabilities.argmax(1) == truth
    bin_of = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    gaps = np.bincount(bin_of, weights=right - confidence, minlength=bins)
    return float(np.abs(gaps).sum() / len(truth))


def bootstrap_intervals(
    confusion: np.ndarray,
    *,
    resamples: int = RESAMPLES,
    confidence: float = CONFIDENCE,
    seed: int = 0,
) -> dict[str, tuple[float, float]]:
    """Percentile intervals (Efron 1979) of ``accuracy`` and ``macro_f1``, as (low, high).

    To draw as many rows again, with replacement, is to draw the counts of the confusion matrix
    from a multinomial distribution: no row needs to be looked at.
    """
    true, predicted = np.nonzero(confusion)
    counts = confusion[true, predicted]  # (cells,)
    rows = counts.sum()
    drawn = np.random.default_rng(seed).multinomial(rows, counts / rows, size=resamples)
    one_hot = np.eye(len(confusion))
    on_diagonal = one_hot[true] * (true == predicted)[:, None]  # (cells, labels)
    right = drawn @ on_diagonal  # (resamples, labels)
    f1 = _macro_f1(right, drawn @ (one_hot[true] + one_hot[predicted]))
    tails = 50 * (1 - confidence), 50 * (1 + confidence)
    return {
        name: (float(low), float(high))
        for name, (low, high) in (
            ("accuracy", np.percentile(right.sum(1) / rows, tails)),
            ("macro_f1", np.percentile(f1, tails)),
        )
    }


def measure(
    log_probabilities: np.ndarray, truth: np.ndarray, *, intervals: bool = True
) -> dict[str, Any]:
    """All figures of one classifier, as plain JSON values.

    ``log_probabilities`` (rows, labels) may lack a constant in each row, which does not count.
    Without ``intervals`` their ends are None.
    """
    probabilities = np.exp(log_probabilities - log_probabilities.max(1, keepdims=True))
    probabilities /= probabilities.sum(1, keepdims=True)
    confusion = confusion_matrix(truth, probabilities.argmax(1), probabilities.shape[1])
    between = bootstrap_intervals(confusion) if intervals else {}
    nothing = (None, None)
    accuracy_low, accuracy_high = between.get("accuracy", nothing)
    f1_low, f1_high = between.get("macro_f1", nothing)
    return {
        "accuracy": float(accuracy(confusion)),
        "accuracy_low": accuracy_low,
        "accuracy_high": accuracy_high,
        "macro_f1": float(macro_f1(confusion)),
        "f1_low": f1_low,
        "f1_high": f1_high,
        "calibration_error": calibration_error(probabilities, truth),
        "confusion": confusion.tolist(),
    }


def _macro_f1(right: np.ndarray, true_and_predicted: np.ndarray) -> np.ndarray:
    """From the labels' hits and from how often each is true or predicted: both (..., labels)."""
    occurs = true_and_predicted > 0
    f1 = 2 * right / np.where(occurs, true_and_predicted, 1)
    return np.asarray(f1.sum(-1) / occurs.sum(-1))

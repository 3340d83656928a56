"""The figures of runs as the browser gets them: their traces, and nothing that JSON lacks."""

import json

from playground.page.run_figures import map_figure, run_figures, seed_figures


def test_run_figures_have_the_traces_that_the_browser_fills() -> None:
    traces = {name: [t["meta"] for t in f["data"]] for name, f in run_figures().items()}
    assert traces == {
        "loss": ["raw", "train", "dev"],
        "accuracy": ["train", "dev"],
        "learning_rate": ["learning_rate"],
        "tokens_per_second": ["tokens_per_second"],
    }
    json.dumps(run_figures(), allow_nan=False)


def test_seed_figures_have_a_line_for_a_seed_and_a_band_below_each_mean() -> None:
    for figure in seed_figures().values():
        metas = [trace["meta"] for trace in figure["data"]]
        assert metas[-2:] == ["train", "dev"]  # drawn over all others
        for mean in metas[-2:]:
            low, high = metas.index(f"{mean}_low"), metas.index(f"{mean}_high")
            assert high == low + 1  # what is filled reaches down to the trace before
            assert figure["data"][high]["fill"] == "tonexty"
            assert f"{mean}_seed" in metas
    json.dumps(seed_figures(), allow_nan=False)


def test_the_map_has_its_soft_tokens_on_top_and_one_scale_for_both_ways() -> None:
    figure = map_figure()
    assert [trace["meta"] for trace in figure["data"]] == [
        *("words", "way", "gone", "near", "nearest", "labels", "tokens"),
    ]
    assert figure["layout"]["yaxis"]["scaleanchor"] == "x"
    json.dumps(figure, allow_nan=False)

"""Reports as HTML pages: of runs, of predictions, and of why a clip was recognised.

The report of a run: `page` writes it, `sections` gathers one run, `evaluations` its results (`mistakes` counts
confusions, `explained_queries` explains single clips), `curves` its training. `explain` computes what the model looks
at, `figures/` draws, and `model_figures` adds captions. `predictions_page` is the page of `dastm predict --html`,
`why_page` that of `dastm explain`. Texts are in `templates/`.
"""

"""Features of queries and prototypes in, the distance of every query to every class out; and the rank term.

To read: `prototypes` (supports -> a prototype a class) -> `matcher`, which takes three steps:
  spatial         `activation` (Eq. 4-6: `projections`, `gram`), `block_activation` and `attention` (as released; NGM)
  frame distances `frame_distance`; `roots` keeps digits and gradients where two sides are close
  temporal        `soft_dtw` (Eq. 7), by `soft_dtw_cpu`, `soft_dtw_triton` or, elsewhere, `soft_dtw_diagonal`; the hard
                  minimum on a CPU by `least_sums`
`examples` goes from distances to examples to distances to classes; `path` compares clips without training; `shares`
says which joints a distance comes from.
`rejection` says when a query is none of the classes.
`rank` is Eq. 2-3 (`eigen` on a CPU, `polar` elsewhere), `surrogate` what the released code has in its place. `*_triton`
are a GPU's kernels, `triton_support` says whether they can run; `chunks` and `threads` bound memory and threads.
"""

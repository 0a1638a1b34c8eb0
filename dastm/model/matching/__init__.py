"""Features of queries and prototypes in, the distance of every query to every class out; and the rank term.

To read: `prototypes` (supports -> a prototype a class) -> `matcher`, which takes three steps:
  spatial         `activation` (Eq. 4-6: `projections`, `gram`), `block_activation` and `attention` (as released; NGM)
  frame distances `frame_distance`; `roots` keeps digits and gradients where two sides are close
  temporal        `soft_dtw` (Eq. 7), by `soft_dtw_cpu`, `soft_dtw_triton` or, elsewhere, `soft_dtw_diagonal`; the hard
                  minimum on a CPU by `least_sums`
`examples` turns distances to examples into distances to classes; `path` compares clips without training; `shares` says
which joints a distance comes from. `rejection` decides when a query is none of the classes ("none of these").
`rank` is Eq. 2-3 (`eigen` on a CPU, `polar` elsewhere), `surrogate` is the released code's replacement for it.
`*_triton` are GPU kernels, and `triton_support` says whether they can run; `chunks` and `threads` limit memory and
threads.
"""

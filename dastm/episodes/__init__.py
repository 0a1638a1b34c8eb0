"""Which clips an episode has, and where they come from: plans, sources, the loader.

Read `episode` (what it is), `sampler` (a plan of ids, a pure function of seed and number; in `groups` with queries of
other people than examples), then the sources of clips
(`indexed`, `resident`, `streamed`; `sources` chooses one, `several` joins some), `common` (the same joints of all
data), `fetch` (the clips of a plan), `augmentation` (which frames are seen; turns and noise drawn in training) and
`loader`, which puts them together.
"""

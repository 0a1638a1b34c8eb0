"""Which clips an episode has, and where they come from: plans, sources, the loader.

Read in this order: `episode` (what an episode is), `sampler` (a plan of ids, a pure function of seed and number;
`groups` plans queries of other people than the examples), the sources of clips (`indexed`, `resident`, `streamed`;
`sources` chooses one, `several` joins some), `common` (maps all data to the same joints), `fetch` (the clips of a
plan), `augmentation` (which frames are seen; random changes in training), and `loader`, which puts them together.
"""

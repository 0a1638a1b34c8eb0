"""Shipped encoders: trained networks that come with DASTM. Each folder here has the form of a run folder, and a card.

  <name>/card.md                   how it was made, on what it was measured, where it fails
  <name>/train/config.json         configuration, layout, versions, digests, the classes that it has seen
  <name>/train/seed-0/best.pt      the weights

`dastm eval --run <name>`, `dastm train --from <name>` and `dastm.load_run("<name>")` find them by name. There is no
code here: `dastm.runs.encoders` finds and makes these folders. Only who makes an encoder again writes into them.
"""

"""Recognises actions from a few examples: examples in, a recogniser file out, then decisions about clips.

`clips` (one body of a recording, as its source has it) -> `preparation` (the input of the encoder) -> `encoder`
(features, and distances to examples) -> `recogniser` and `decision` (which action, or none of them) -> `file`.
`why` explains a decision; `spotting` finds actions in long recordings; `results` writes CSV and JSON.
"""

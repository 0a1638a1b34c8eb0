"""Show it an action, and it knows it: examples in, a recogniser file out, decisions about clips.

clips (one body of a recording, as its source has it) -> preparation (as the encoder knows clips)
-> encoder (features, and distances to examples) -> recogniser (which action, or none of them) -> file
`why` says what a decision came from; `spotting` tells the actions of long recordings.
"""

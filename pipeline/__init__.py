"""Raw skeleton files in, class-split shards out: parse, split, audit. Never imported by `dastm`."""

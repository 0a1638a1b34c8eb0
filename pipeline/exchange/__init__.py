"""Exchange with other tools: shards or a parsed table out as a PYSKL pickle, the authors' arrays in as shards."""

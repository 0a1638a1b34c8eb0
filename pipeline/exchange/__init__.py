"""Exchange with other tools.

`export` writes shards or a parsed table as a PYSKL pickle (`pickling` has the bytes), `clip_files` a parsed table as a
zip of CSV or COCO files. `import_arrays` turns the arrays of the paper's authors (`arrays`) into shards.
"""

"""Data set definitions: the YAML files from which `parse` and `split` work. `definition` reads and checks them.

`source_spec` says how to read arrays that do not describe themselves, `denoising` has the steps against noise, `lists`
reads lists of keys and names, and `datasets/` has the shipped data sets. A new data set is a file there, or anywhere.
"""

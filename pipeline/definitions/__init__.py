"""What a data set is: the YAML file that `parse` and `split` work from, checked (`definition`), with its named steps.

`source_spec` says how to read arrays that do not describe themselves, `denoising` names the steps against noise,
`datasets/` has the shipped data sets with their lists.
"""

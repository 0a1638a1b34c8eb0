"""Layers that several networks share. Nothing here knows episodes, backbones or the matching.

In the order in which a body meets them: `input_norm` (every coordinate on one scale) -> `graph` (which joints are
neighbours) and `drop_edge` (bones left out in training) -> `blocks` (the depths and widths of a published network) ->
`pair_norm` (after a graph convolution) -> `time_conv` (convolutions over time, and how many frames they leave) ->
`dropout`. `weights` draws initial weights from a generator, `onednn_linear` is a faster linear layer on the CPU.
"""

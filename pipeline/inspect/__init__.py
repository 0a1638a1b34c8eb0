"""Shows data: one clip (raw and normalised, in the terminal or animated), and a whole data set (counts, plots).

One clip (`dastm-data show`): `find` looks for it, `tracks` says what became of its bodies, `summary` prints it, `scene`
is what is drawn, and `animation` and `gif` are its files. A data set (`stats`): `numbers` prints it, `plots` and
`stats_page` draw it, and `report` is the page of the audit.
"""

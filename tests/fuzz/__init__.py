"""`make fuzz`: thousands of damaged and odd files for every reader; each is read exactly, or refused with a reason.

In: the readers of `tests.fuzz.readers`, with valid files of each. A reader with a slow, obvious twin has to agree with
it to the last bit, refusals included. A new reader is a row there.
"""

"""The pipelines: which dataset goes through which function, a folder each.

What a function does is in the rooms of the domain, which know no Kedro.
"""

"""A reference service: the two handlers behind HTTP. It needs the extra `api`.

Start it with `push-propensity-api`; `docs/serving.md` says how to set it up.
"""

"""One candidate to a bundle: what to train, the digest of what it is made from, bundle and card.

Writing and reading bundles is in `scoring.bundle`.
"""

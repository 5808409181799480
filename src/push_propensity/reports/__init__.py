"""What people read: findings in words, tables, figures and pages.

Nothing is measured here: that is `evaluation`.
"""

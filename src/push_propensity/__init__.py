"""Whom to send a push notification: how likely each user is to buy a product if ordering now."""

__version__ = "0.1.0"

"""Intake: what a sender delivers, turned into alerts.

Lives here: one file a sender (`alertmanager`). Each is pure: bytes or a mapping in, `Alert` values out; nothing is
fetched, kept or opened.

May import: `ontology` and the standard library.

To add a sender: copy `alertmanager.py`, keep `deliver` and `alerts`, change which field is which, and name the
route in `workbench/server/webhook.py`.
"""

"""Intake: what a sender delivers, turned into alerts, and which of them belong together.

Lives here: one file a sender (`alertmanager`, `grafana`, `pagerduty`, `datadog`, `cloudwatch`, `opsgenie`, `generic`),
who they are by name (`senders`), how one proves itself (`proof`), fields of a stranger's JSON (`fields`) and its text
(`text`) and what belongs together (`grouping`).
All of it is pure: bytes or a mapping in, `Alert` values out; nothing is fetched, kept or opened.

May import: `ontology` and the standard library.

To add a sender: copy `opsgenie.py`, keep `authentic` and `deliver`, change which field is which, name it in `senders`.
"""

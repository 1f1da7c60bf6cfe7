"""Notify: findings out. One message an incident and place; what changes edits it.

Lives here: what is told and the seam of who tells it (`notice`), Slack (`slack`, its `blocks`), mail (`mail`), a
webhook of one's own (`webhook`), and the one transport of the workbench that sends (`transport`): POST alone, to one
host, on listed paths.

May import: the standard library, urllib3, ontology.

To add a place: copy `webhook.py`, keep `place` and `send`, make it in `assembly.notifiers`; a double of the other side
goes into `workbench.testing.receivers`.
"""

from workbench.notify.notice import Delivery, Notice, Notifier, Reason
from workbench.notify.transport import LaterError

__all__ = ["Delivery", "LaterError", "Notice", "Notifier", "Reason"]
